/** What should go wrong, on purpose. JSON, so that another process can ask for it (PUT /_local/faults). */
export interface FaultRule {
  match: {
    /** Any method where absent; WRITE is any but GET and HEAD. WEBHOOK is a delivery to the App, whose path is "/issues.labeled". */
    method?: string;
    /** A prefix of the path without its query, as requested: "/api/v3/repos/acme/shop/pulls", "/acme/shop.git/git-receive-pack". */
    path?: string;
    /** A regular expression on the same, for what a prefix can't say. */
    pattern?: string;
  };
  /** Wait before anything is done. */
  delayMs?: number;
  /** Answer this instead of doing it. Of a delivery: the log has it as answered so, and nobody was asked. */
  status?: number;
  /** Do it, then answer this: the request succeeded, but its sender can't know. */
  thenStatus?: number;
  message?: string;
  headers?: Record<string, string>;
  /** A push that reaches this rule is refused for each of its refs, with this reason. */
  refusePush?: string;
  /** A delivery that is neither made nor logged. */
  lost?: boolean;
  /** How often; once where absent, 0 means always. */
  times?: number;
  /** Only what comes beyond so many within a span: GitHub's secondary limits. What is refused is not counted. */
  beyond?: { times: number; withinMs: number };
}

export interface Faults {
  add(rule: Omit<FaultRule, "match"> & { match: Omit<FaultRule["match"], "path"> & { path?: string | RegExp } }): void;
  clear(): void;
  replace(rules: FaultRule[]): void;
  list(): FaultRule[];
  /** The first rule that matches, counted as used. */
  take(request: { method: string; path: string }): FaultRule | undefined;
}

interface Counted {
  rule: FaultRule;
  left: number;
  passedAtMs: number[];
}

export function createFaults(nowMs: () => number = Date.now): Faults {
  let rules: Counted[] = [];
  const counted = (rule: FaultRule): Counted => ({
    rule,
    left: rule.times === 0 ? Number.POSITIVE_INFINITY : (rule.times ?? 1),
    passedAtMs: [],
  });
  return {
    add: (rule) => {
      const { path, ...match } = rule.match;
      const where = path instanceof RegExp ? { pattern: path.source } : path === undefined ? {} : { path };
      rules.push(counted({ ...rule, match: { ...match, ...where } }));
    },
    clear: () => {
      rules = [];
    },
    replace: (list) => {
      rules = list.map(counted);
    },
    list: () => rules.filter(({ left }) => left > 0).map(({ rule }) => rule),
    take: (request) => {
      const found = rules.find((each) => each.left > 0 && matches(each.rule, request) && isBeyond(each, nowMs()));
      if (found === undefined) return undefined;
      found.left -= 1;
      return found.rule;
    },
  };
}

/** Counts what the rule lets pass. */
function isBeyond(counted: Counted, nowMs: number): boolean {
  const { beyond } = counted.rule;
  if (beyond === undefined) return true;
  counted.passedAtMs = counted.passedAtMs.filter((atMs) => atMs > nowMs - beyond.withinMs);
  if (counted.passedAtMs.length >= beyond.times) return true;
  counted.passedAtMs.push(nowMs);
  return false;
}

function matches({ match }: FaultRule, request: { method: string; path: string }): boolean {
  const writes = !["GET", "HEAD", "WEBHOOK"].includes(request.method);
  if (match.method === "WRITE" && !writes) return false;
  if (match.method !== undefined && match.method !== "WRITE" && match.method.toUpperCase() !== request.method) return false;
  if (match.path !== undefined && !request.path.startsWith(match.path)) return false;
  return match.pattern === undefined || new RegExp(match.pattern).test(request.path);
}
