import { expect, type TaskMeta, TestRunner } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** "fell": in this very test, the attempt was seen to succeed where nothing defends against it. Read by test/reporter/attacks.ts. */
    control?: "fell";
  }
}

/**
 * The undefended control of the test that runs: `fell` says whether the same attempt succeeded where nothing defends. Fails the test where
 * it did not, since a defence against what cannot succeed anyway proves nothing; otherwise records it for `npm run attacks`. A result that
 * several tests share may be got once, in beforeAll: each of them calls this. `running`: the test's own task, where several run at once. No control has a route to a real address.
 */
export function controlFell(fell: boolean, what = "the same attempt, undefended", running?: { meta: TaskMeta }): void {
  expect(fell, `control: ${what} should succeed`).toBe(true);
  const test = running ?? TestRunner.getCurrentTest();
  if (!test) throw new Error("controlFell belongs inside a test: in a hook, keep the result and call it in each test");
  test.meta.control = "fell";
}
