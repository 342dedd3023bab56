import type { Witness } from "../../src/local/github/server.ts";

/** A named moment: before a call leaves the App's hands, or when it was done and the App does not know yet. */
export interface Point {
  side: "github" | "engine";
  when: "before" | "after";
  method: string;
  /** Matches the path of the call. */
  path: RegExp;
}

const github = (method: string, path: RegExp) =>
  (["before", "after"] as const).map((when): Point => ({ side: "github", when, method, path }));
const engine = (method: string, path: RegExp) =>
  (["before", "after"] as const).map((when): Point => ({ side: "engine", when, method, path }));

/** Every kind of effect that a run has outside. */
export const points: readonly Point[] = [
  ...github("POST", /\/access_tokens$/),
  ...github("DELETE", /\/installation\/token$/),
  ...github("GET", /\/collaborators\/[^/]+\/permission$/),
  ...github("POST", /\/git\/commits$/),
  ...github("POST", /\/git\/refs$/),
  ...github("PATCH", /\/git\/refs\//),
  ...github("POST", /\/check-runs$/),
  ...github("PATCH", /\/check-runs\/\d+$/),
  ...github("POST", /\/issues\/\d+\/comments$/),
  ...github("PATCH", /\/issues\/comments\/\d+$/),
  ...github("POST", /\/issues\/\d+\/labels$/),
  ...github("DELETE", /\/issues\/\d+\/labels\//),
  ...github("POST", /\/git-upload-pack$/),
  ...github("POST", /\/git-receive-pack$/),
  ...github("POST", /\/pulls$/),
  ...engine("POST", /^\/volumes\/create$/),
  ...engine("POST", /^\/containers\/create$/),
  ...engine("POST", /^\/containers\/\w+\/start$/),
  ...engine("POST", /^\/containers\/\w+\/attach$/),
  ...engine("DELETE", /^\/containers\/\w+$/),
  ...engine("DELETE", /^\/volumes\/\S+$/),
];

export interface Armed {
  witness(side: Point["side"]): Witness;
  /** Calls `then` the next time this point is passed; its call goes no further until that has ended. */
  arm(point: Point, then: () => Promise<void>): void;
  disarm(): void;
}

export function createArmed(): Armed {
  let armed: { point: Point; then: () => Promise<void> } | undefined;
  const pass = async (side: Point["side"], when: Point["when"], call: { method: string; path: string }) => {
    if (!armed) return;
    const { point, then } = armed;
    if (point.side !== side || point.when !== when || point.method !== call.method || !point.path.test(call.path)) return;
    armed = undefined;
    await then();
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
  };
}
