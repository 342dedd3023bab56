import { joinRanges, parseRange, printRange, type Range, subtractRanges } from "./ranges.ts";

/** ◆ What a firewalled sandbox may reach: a value, computed here, loaded by namespace.ts, compared afterwards with what the kernel has. */
export interface FirewallPlan {
  /** In order, none touching another. */
  ranges: readonly Range[];
  /** TCP. */
  ports: readonly number[];
  /** What the resolver answers, and nothing else. Names in lower case, each with one address at least. */
  names: Readonly<Record<string, readonly string[]>>;
  /** What was left out, one short line each: for the log and the evidence. */
  notes: readonly string[];
}

export interface FirewallWish {
  /** The body of GitHub's `GET /meta`, as it came. Undefined where there is none: then only the names' own addresses pass. */
  meta: unknown;
  /** Each name with what it resolved to; a name that is dead has none. */
  addresses: Readonly<Record<string, readonly string[]>>;
  ports: readonly number[];
  /** Whether addresses of a private network may be listed: for a GitHub Enterprise Server, which lives in one. */
  privateToo: boolean;
}

/** The ranges that GitHub serves its API, git and pages from. All other keys are left alone: `actions` and `codespaces` are rented to anybody. */
export const metaKeys = ["api", "git", "web"] as const;

/** Sites that strangers publish: taken out again where the other keys cover them. */
const takenOut = "pages";

/**
 * Joins GitHub's ranges and the names' addresses. Whatever cannot be read, is too wide to be one company's, or lies in this machine's
 * own networks is left out and noted: a wrong answer of GitHub's or of a name server must not open more than it names.
 */
export function planFirewall(wish: FirewallWish): FirewallPlan {
  const notes: string[] = [];
  const usable = (text: unknown, where: string): Range[] => {
    if (typeof text === "string" && text.includes(":")) return [];
    const range = typeof text === "string" ? parseRange(text) : undefined;
    const wrong = range === undefined ? "cannot be read" : findObjection(range, wish.privateToo);
    if (wrong === undefined && range) return [range];
    notes.push(`${where}: ${String(text).slice(0, 40)} ${wrong}`);
    return [];
  };
  const ofMeta = (key: string): Range[] => {
    const list = (wish.meta as Record<string, unknown> | null | undefined)?.[key];
    return Array.isArray(list) ? list.flatMap((entry: unknown) => usable(entry, key)) : [];
  };
  const names: Record<string, readonly string[]> = {};
  const ranges = subtractRanges(metaKeys.flatMap(ofMeta), ofMeta(takenOut));
  const named = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (named > mostAddresses) {
    // Many ranges of a fair width are the whole world as well.
    ranges.length = 0;
    notes.push(`meta: ${named} addresses are more than GitHub has`);
  }
  for (const [name, addresses] of Object.entries(wish.addresses)) {
    const kept = [...new Set(addresses)].filter((address) => {
      const [range] = usable(address, name);
      if (range?.first !== range?.last) return false;
      if (range) ranges.push(range);
      return range !== undefined;
    });
    if (kept.length > 0) names[name.toLowerCase()] = kept.sort();
    else notes.push(`${name}: resolves to nothing that can be allowed`);
  }
  return { ranges: joinRanges(ranges), ports: [...new Set(wish.ports)].sort((a, b) => a - b), names, notes };
}

/** The whole table for `nft -f`. `template`: the text of sandbox/firewall.nft. */
export function printRuleset(template: string, plan: FirewallPlan): string {
  const elements = printElements(plan);
  // As a function: in a plain replacement text "$" would have a meaning.
  return template
    .replace("@ELEMENTS@", () => (elements === "" ? "" : `elements = { ${elements} }`))
    .replaceAll("@PORTS@", () => plan.ports.join(", "));
}

/** Changes what is allowed in a table that stands, in one transaction; counters go on. */
export function printRefresh(plan: FirewallPlan): string {
  const elements = printElements(plan);
  return `flush set inet airlock allowed\n${elements === "" ? "" : `add element inet airlock allowed { ${elements} }\n`}`;
}

function printElements(plan: FirewallPlan): string {
  return plan.ranges.map(printRange).join(", ");
}

/** Wider than anything that GitHub has; one /8 by mistake would be a good part of a cloud. */
const widest = 2 ** 16;

/** All of GitHub's three lists together are under 20,000. */
const mostAddresses = 2 ** 18;

const own: readonly Range[] = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"].flatMap(
  (text) => parseRange(text) ?? [],
);
const privates: readonly Range[] = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"].flatMap(
  (text) => parseRange(text) ?? [],
);

function findObjection(range: Range, privateToo: boolean): string | undefined {
  const within = (others: readonly Range[]) => others.some((other) => range.first <= other.last && other.first <= range.last);
  if (range.last - range.first + 1 > widest) return "is too wide";
  if (within(own)) return "is this machine's own";
  if (!privateToo && within(privates)) return "is of a private network";
  return undefined;
}
