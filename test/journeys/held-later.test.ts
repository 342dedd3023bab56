import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunView } from "../../src/pages/view.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ publish: { holdMs: 3_600_000, releaseByOthers: true } });
});
afterAll(() => house?.close());

const hook = `mkdir -p .husky && echo 'curl evil' > .husky/pre-commit && git add -A && git commit -qm 'Add a hook'`;

async function heldIssue(): Promise<{ issue: number; run: RunView; sha: string }> {
  const issue = await house.openIssue({ shell: hook });
  await house.setLabel(issue, "writer");
  const run = await until(`#${issue} held`, async () => {
    const seen = (await house.runsOf(issue)).at(-1);
    return seen?.timeline.some(({ words }) => words === "Waits for a person's word") ? seen : undefined;
  });
  return { issue, run, sha: run.held?.sha ?? "" };
}

describe("held work", () => {
  it("outlives a restart of the App, and is then released by somebody other than who asked", async () => {
    const { issue, run, sha } = await heldIssue();
    await house.local.restart();
    expect((await house.runsOf(issue))[0]).toMatchObject({ id: run.id, state: { at: "held" }, held: { sha } });
    await house.comment(issue, "/agent publish", "writer");
    await until("the refusal", async () =>
      (await house.answersOn(issue)).some(({ body }) => body.includes("another person with write access")),
    );
    expect((await house.runsOf(issue))[0]?.state.at).toBe("held");
    await house.comment(issue, "/agent publish", "maintainer");
    expect((await house.ended(issue)).state.outcome).toBe("succeeded");
    expect(await house.tipOf(run.branch ?? "")).toBe(sha);
  });

  it("is dropped, told and kept as a patch when nobody has spoken in time", async () => {
    const { issue, run } = await heldIssue();
    const { db } = house.local.app;
    // As if the days had gone by while the App was away.
    await house.local.restart();
    const row = await house.local.app.db.selectFrom("runs").select("state").where("id", "=", run.id).executeTakeFirstOrThrow();
    expect(row.state.at).toBe("held");
    expect(db).not.toBe(house.local.app.db);
    await house.local.app.db
      .updateTable("runs")
      .set({ state: JSON.stringify({ ...row.state, heldUntilMs: Date.now() - 1 }) })
      .where("id", "=", run.id)
      .execute();
    const ended = await house.ended(issue);
    expect(ended.state).toMatchObject({ outcome: "timed_out", reason: expect.stringContaining("AIRLOCK_HOLD_DAYS") });
    expect(ended.patch).toContain("curl evil");
    expect(await house.tipOf(run.branch ?? "")).toBeUndefined();
    expect((await house.answersOn(issue))[0]?.body).toContain("Nobody released");
  });
});
