import { execa } from "execa";
import { Fault } from "../fault.ts";
import type { SandboxCheck } from "../run/check.ts";

/**
 * The way out of a firewalled run's namespace, laid so that it hangs on the rules: only a packet that sandbox/firewall.nft has marked finds
 * a route to the network. Everything else is sent to a device that leads nowhere. So rules that somebody on the host flushes, or an `accept`
 * that is put before them, open nothing: they shut. A route that only refused would do as well, but what it refused would not be counted.
 */

/** As the rules say it. The sandbox can set none: that takes a capability. */
const mark = "0x1";
/** Of the namespace alone, and of nobody else in it. */
const markedOnly = "8090";
const priority = 100;
/** A bridge without ports: every engine's host can make one. Not the loopback device: what is sent to that is delivered in here. */
export const hole = "hole0";
/** The engine's resolver: no rule stands before it where ours are gone, and it asks the world. */
const engineResolver = "127.0.0.11";

/** What `ip -j` says of a namespace. */
export interface WaysSight {
  main: readonly Route[];
  marked: readonly Route[];
  local: readonly Route[];
  rules: readonly { priority: number; table: string; fwmark?: string }[];
  links: readonly { ifname: string; mtu: number }[];
}

interface Route {
  dst: string;
  dev: string;
  type?: string;
  gateway?: string;
  prefsrc?: string;
}

/**
 * Lays the ways of a namespace that has those of the engine's bridge, or of another cable; may be repeated. `pid`: any process of it that
 * is ours. Throws Fault "engine.firewall" where there is no way to lay.
 */
export async function layWays(pid: number): Promise<void> {
  const lines = planWays(await readWays(pid));
  if (lines === undefined) throw unset();
  await say(pid, ["ip", "-batch", "-"], `${lines.join("\n")}\n`);
  // Strictly asked whether the answer to a neighbour's question would leave by where it came in, no way would do.
  const off =
    "for each in /proc/sys/net/ipv4/conf/*; do echo 0 >$each/rp_filter; echo 0 >$each/ignore_routes_with_linkdown; done";
  await say(pid, ["sh", "-c", off]);
}

/** Throws Fault "engine.firewall". */
export async function readWays(pid: number): Promise<WaysSight> {
  const list = async (...args: string[]) => JSON.parse((await say(pid, ["ip", "-j", "-4", ...args])) || "[]");
  const [all, rules, links] = await Promise.all([list("route", "show", "table", "all"), list("rule"), list("link")]);
  const of = (table: string | undefined) => (all as (Route & { table?: string })[]).filter((route) => route.table === table);
  return { main: of(undefined), marked: of(markedOnly), local: of("local"), rules, links };
}

/** Takes every device but the loopback down: nothing comes or goes any more, whatever rules and routes say. Throws Fault "engine.firewall". */
export async function cutWays(pid: number): Promise<void> {
  const { links } = await readWays(pid);
  for (const { ifname } of links) if (ifname !== "lo") await say(pid, ["ip", "link", "set", "dev", ifname, "down"]);
}

/** Pure. Lines for `ip -batch`; undefined where no way out can be found. */
export function planWays({ main, marked, local, rules, links }: WaysSight): string[] | undefined {
  // Where they are laid already, they are laid again.
  const ways = main.some(isWay) ? main.filter(isWay) : marked.filter(isWay);
  // Programs choose their own address before their packets are marked: into the hole as well it must be the one that fits the way.
  const ownOf = (dev: string) => local.find((route) => route.type === "local" && route.dev === dev)?.prefsrc;
  const mtus = ways.flatMap(({ dev }) => links.find(({ ifname }) => ifname === dev)?.mtu ?? []);
  const [first] = ways.flatMap(({ dev }) => ownOf(dev) ?? []);
  if (first === undefined) return undefined;
  return [
    ...(links.some(({ ifname }) => ifname === hole) ? [] : [`link add ${hole} type bridge`]),
    `link set dev ${hole} mtu ${Math.min(...mtus)} arp off up`,
    ...ways.map(({ dst, gateway, dev }) => `route replace ${dst} via ${gateway} dev ${dev} onlink table ${markedOnly}`),
    // Neither the bridge nor the host behind it: they are reached as a gateway, and not as themselves.
    "route flush table main",
    `route add default dev ${hole} src ${first} table main`,
    ...ways.map(({ dst, dev }) => `route replace ${dst} dev ${hole} src ${ownOf(dev) ?? first} table main`),
    `route replace ${engineResolver}/32 dev ${hole} src ${first} table local`,
    ...(rules.some((rule) => rule.priority === priority)
      ? []
      : [`rule add priority ${priority} fwmark ${mark} lookup ${markedOnly}`]),
  ];
}

/** Pure. Whether what has no mark has no way. */
export function checkWays(seen: WaysSight): SandboxCheck {
  const { main, marked, local, rules } = seen;
  const printed = rules.map((rule) => `${rule.priority} ${rule.fwmark ?? "all"} ${rule.table}`).join(", ");
  const wrong = [
    ["routes", main.some(({ dst }) => dst === "default") && main.every(({ dev }) => dev === hole)],
    ["marked routes", marked.length > 0 && marked.every(isWay)],
    ["the engine's resolver", local.some(({ dst, dev }) => dst === engineResolver && dev === hole)],
    ["rules", printed === `0 all local, ${priority} ${mark} ${markedOnly}, 32766 all main, 32767 all default`],
  ].flatMap(([name, ok]) => (ok === true ? [] : [name]));
  const text = wrong.length === 0 ? "only what is marked has a way out" : `wrong: ${wrong.join(", ")}`;
  return { name: "engine.ways", side: "outside", ok: wrong.length === 0, seen: text };
}

function isWay(route: Route): boolean {
  return route.gateway !== undefined && route.dev !== hole;
}

const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };

async function say(pid: number, args: string[], input = ""): Promise<string> {
  try {
    const inside = ["--target", `${pid}`, "--net", "--", ...args];
    return (await execa("nsenter", inside, { env, extendEnv: false, input, timeout: 15_000 })).stdout;
  } catch (cause) {
    throw unset(cause);
  }
}

function unset(cause?: unknown): Fault {
  return new Fault("engine.firewall", "The routes of a sandbox cannot be set or read", {
    remedy: "Install iproute2 and util-linux (apt-get install iproute2 util-linux), and see that the kernel has policy routing",
    cause,
  });
}
