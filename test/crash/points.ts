import type { Witness } from "../../src/local/github/server.ts";

export type Side = "github" | "engine" | "model" | "database";

/** A named moment: before a call leaves its caller's hands, or when it was done and the caller does not know yet. */
export interface Point {
  side: Side;
  when: "before" | "after";
  method: string;
  /** Matches the path of the call. */
  path: RegExp;
}

interface Call {
  method: string;
  path: string;
}

const repository = /^\/api\/v3\/repos\/[^/]+\/[^/]+/.source;
const inRepository = (rest: string) => new RegExp(`${repository}${rest}$`);

/** Every kind of call by which a run changes something outside, and some by which it reads what it then holds to. */
const calls: readonly (readonly [Side, string, RegExp])[] = [
  ["github", "POST", /\/access_tokens$/],
  ["github", "DELETE", /\/installation\/token$/],
  ["github", "GET", inRepository("/collaborators/[^/]+/permission")],
  ["github", "POST", inRepository("/issues/\\d+/reactions")],
  ["github", "POST", inRepository("/issues/comments/\\d+/reactions")],
  ["github", "GET", inRepository("/git/ref/.+")],
  ["github", "POST", inRepository("/git/commits")],
  ["github", "POST", inRepository("/git/refs")],
  ["github", "DELETE", inRepository("/git/refs/.+")],
  ["github", "POST", inRepository("/check-runs")],
  ["github", "PATCH", inRepository("/check-runs/\\d+")],
  ["github", "POST", inRepository("/issues/\\d+/comments")],
  ["github", "PATCH", inRepository("/issues/comments/\\d+")],
  ["github", "POST", inRepository("/labels")],
  ["github", "POST", inRepository("/issues/\\d+/labels")],
  ["github", "DELETE", inRepository("/issues/\\d+/labels/[^/]+")],
  ["github", "POST", /\.git\/git-upload-pack$/],
  ["github", "POST", /\.git\/git-receive-pack$/],
  ["github", "POST", inRepository("/pulls")],
  ["github", "PATCH", inRepository("/pulls/\\d+")],
  ["engine", "POST", /\/volumes\/create$/],
  ["engine", "POST", /\/containers\/create$/],
  ["engine", "POST", /\/containers\/\w+\/start$/],
  ["engine", "POST", /\/containers\/\w+\/attach$/],
  ["engine", "GET", /\/containers\/\w+\/logs$/],
  ["engine", "POST", /\/containers\/\w+\/stop$/],
  ["engine", "DELETE", /\/containers\/\w+$/],
  ["engine", "DELETE", /\/volumes\/\S+$/],
  ["model", "POST", /^\/v1\/messages$/],
  ["database", "COMMIT", /\bdeliveries\b/],
  ["database", "COMMIT", /\bfacts\b/],
  ["database", "COMMIT", /\bruns\b(?!.*\bfacts\b)(?<!\bfacts\b.*)/],
  ["database", "INSERT", /^grants$/],
  ["database", "UPDATE", /^grants$/],
  ["database", "INSERT", /^branches$/],
  ["database", "INSERT", /^papers$/],
  ["database", "INSERT", /^events$/],
  ["database", "INSERT", /^evidence$/],
  ["database", "INSERT", /^heads$/],
  ["database", "INSERT", /^marks$/],
  ["database", "INSERT", /^leases$/],
  ["database", "UPDATE", /^runs$/],
  ["database", "UPDATE", /^deliveries$/],
];

export const points: readonly Point[] = calls.flatMap(([side, method, path]) =>
  (["before", "after"] as const).map((when) => ({ side, when, method, path })),
);

/** Changes that need no point: what they change is nothing that a run has. */
const unnamedOnPurpose: readonly (readonly [Side, RegExp])[] = [
  // People's.
  ["github", /^POST \S+\/issues$/],
  ["database", /^\w+ kysely_migration/],
  ["engine", /^POST \S*\/images\/\S+\/tag$/],
  // A machine's word that it lives, forgotten where it was not heard of for long, and what it lets go when it stops: all lapse by themselves.
  ["database", /^(INSERT|DELETE) machines$/],
  ["database", /^DELETE leases$/],
  // What stood for a moment, dropped after its time.
  ["database", /^DELETE marks$/],
  // The queue's own: its wake-ups are in the transactions above, and lost or doubled they do no harm.
  ["database", /^\w+ (pgboss\.\w+( |$))*$/],
];

export function nameOf({ when, side, method, path }: Point): string {
  return `${when} ${side} ${method} ${path.source.replace(repository, "…").replaceAll("\\/", "/").replace(/\$$/, "")}`;
}

function fits(point: Pick<Point, "side" | "method" | "path">, side: Side, call: Call): boolean {
  return point.side === side && point.method === call.method && point.path.test(call.path);
}

export interface Armed {
  witness(side: Side): Witness;
  /** Calls `then` the next time this point is passed; its call goes no further until that has ended, and nowhere where it answers "drop". */
  arm(point: Point, then: () => Promise<"pass" | "drop">): void;
  disarm(): void;
  /** How often each point was passed, also unarmed. */
  passed(): ReadonlyMap<Point, number>;
  /** Calls that changed something and that no point names: "github PUT /…". */
  unnamed(): readonly string[];
}

export function createArmed(): Armed {
  let armed: { point: Point; then: () => Promise<"pass" | "drop"> } | undefined;
  const passed = new Map<Point, number>();
  const unnamed = new Set<string>();
  const note = (side: Side, when: Point["when"], call: Call) => {
    const named = points.filter((point) => point.when === when && fits(point, side, call));
    for (const point of named) passed.set(point, (passed.get(point) ?? 0) + 1);
    if (named.length > 0 || call.method === "GET" || call.method === "HEAD") return;
    const line = `${call.method} ${call.path}`;
    if (!unnamedOnPurpose.some(([of, shape]) => of === side && shape.test(line)))
      unnamed.add(`${side} ${line.replaceAll(/\b[0-9a-f]{12,}\b/g, "ID").replaceAll(/\d+/g, "N")}`);
  };
  const pass = async (side: Side, when: Point["when"], call: Call) => {
    note(side, when, call);
    if (!armed) return;
    const { point, then } = armed;
    if (point.when !== when || !fits(point, side, call)) return;
    armed = undefined;
    if ((await then()) === "drop") throw new Error("this call gets no further");
  };
  return {
    witness: (side) => ({
      before: (call) => pass(side, "before", call),
      after: (call) => pass(side, "after", call),
    }),
    arm: (point, then) => {
      armed = { point, then };
    },
    disarm: () => {
      armed = undefined;
    },
    passed: () => passed,
    unnamed: () => [...unnamed].sort(),
  };
}
