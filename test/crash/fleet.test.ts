import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../helpers/until.ts";
import { type Fleet, type FleetWorker, startFleet } from "./fleet.ts";
import type { Point } from "./points.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ workers: 2, placesEach: 2, labels: [["gpu"], []] });
}, 120_000);
afterAll(async () => {
  await until("nothing to be left on GitHub", async () => fleet.github.state().tokens.live === 0 || undefined);
  for (const worker of fleet.workers) await worker.stop();
  await fleet[Symbol.asyncDispose]();
});

interface RunSeen {
  id: string;
  at: string;
  machine: string | null;
  page_key: string;
  outcome: string | null;
}

async function runOf(issue: number): Promise<RunSeen | undefined> {
  const [row] = await fleet.query<RunSeen>(
    `select id, at, machine, page_key, state->'ending'->>'outcome' as outcome from runs where subject_number = ${issue}`,
  );
  return row;
}

async function ended(issue: number): Promise<RunSeen> {
  return until(`the end of #${issue}`, async () => {
    const run = await runOf(issue);
    return run?.at === "ended" ? run : undefined;
  });
}

async function workerOf(machine: string | null | undefined): Promise<FleetWorker> {
  for (const worker of fleet.workers)
    if ((await readFile(join(worker.dataFolder, "machine"), "utf8")).trim() === machine) return worker;
  throw new Error(`no worker is ${machine}`);
}

/** How often a step or a pass of this worker did not work. */
const stumbles = async (worker: FleetWorker) =>
  (await readFile(worker.logFile, "utf8")).split(/"msg":"(?:step failed|pass failed|progress not told)"/).length;

const factsOf = (run: RunSeen) =>
  fleet.query<{ is: string }>(`select fact->>'is' as is from facts where run = '${run.id}' order by seq`);

async function ask(shell: string): Promise<number> {
  const issue = await fleet.people.openIssue({ title: "Add a note", shell });
  await fleet.people.setLabel(issue);
  return issue;
}

const commit = "echo made > note.txt && git add -A && git commit -q -m 'Add a note' && echo Added";

/** One of each, whoever of the two wrote it. */
async function expectOneOfEach(issue: number): Promise<void> {
  const { people } = fleet;
  const branch = `agent/issue-${issue}`;
  const { json: pulls } = await people.ask("maintainer", "GET", `/pulls?state=all&head=acme:${branch}`);
  expect(pulls).toHaveLength(1);
  expect(await people.answersOn(issue)).toHaveLength(1);
  const checks = await people.checksOn((await people.tipOf(branch)) ?? "");
  expect(checks.map(({ conclusion }) => conclusion)).toEqual(["success"]);
}

describe("two workers beside one who takes deliveries", { timeout: 300_000 }, () => {
  it.each([
    ["push", /\/git-receive-pack$/],
    ["comment", /\/issues\/\d+\/comments$/],
  ])(
    "[48] a worker that stalls loses its run, and its %s that comes late, like all that it writes, comes to nothing",
    async (what, path) => {
      const point: Point = { side: "github", when: "before", method: "POST", path };
      const stalled = Promise.withResolvers<FleetWorker>();
      const mayGoOn = Promise.withResolvers<void>();
      let stalledAlready = false;
      let issue = 0;
      // Its request is on the way and is held at GitHub's door, and the worker hears of nothing any more.
      fleet.armed.arm(point, async () => {
        const [row] = await fleet.query<{ holder: string }>(`select holder from runs where subject_number = ${issue}`);
        const worker = await workerOf(row?.holder.split(":")[0]);
        worker.stall();
        stalledAlready = true;
        stalled.resolve(worker);
        await mayGoOn.promise;
        return "pass";
      });
      issue = await ask(commit);
      const early = until("an end before it stalled", async () => {
        if (stalledAlready) return "stalled";
        const [row] = await fleet.query<{ state: object }>(
          `select state from runs where subject_number = ${issue} and at = 'ended'`,
        );
        if (row) throw new Error(`ended before it came so far: ${JSON.stringify(row.state)}`);
        return undefined;
      });
      const [worker] = await Promise.all([stalled.promise, early]);
      const run = await ended(issue);
      expect(run.outcome).toBe("succeeded");
      expect((await factsOf(run)).some(({ is }) => is === "moved")).toBe(what === "push");
      expect(await workerOf(run.machine)).not.toBe(worker);
      const tip = await fleet.people.tipOf(`agent/issue-${issue}`);
      const before = await stumbles(worker);
      // It comes back: first with its request, then with whatever else it believes to have to do.
      mayGoOn.resolve();
      worker.wake();
      await until("the one that was back to find out", async () => (await stumbles(worker)) > before || undefined);
      await fleet.github.settled();
      // The control: it was made, and only its dead token kept it from being carried out.
      const refused = () =>
        fleet.github
          .state()
          .requests.some(({ method, path: at, status }) => method === "POST" && path.test(at) && status === 401);
      if (what === "comment") await until("its comment to be refused", async () => refused() || undefined);
      expect(await fleet.people.tipOf(`agent/issue-${issue}`)).toBe(tip);
      await expectOneOfEach(issue);
      const late = (await factsOf(run)).filter(({ is }) => ["announced", "pushed", "presented", "closed"].includes(is));
      expect(late).toHaveLength(4);
    },
  );

  it("a repository's run goes to the machine that has what it asks for, or says that none has", async () => {
    const { people } = fleet;
    let sha: string | undefined;
    const settings = async (text: string) => {
      const content = Buffer.from(text).toString("base64");
      const put = await people.ask("maintainer", "PUT", "/contents/.github/agent.yml", { message: "Settings", content, sha });
      sha = put.json.content.sha;
    };
    await settings("machine: gpu\n");
    const issue = await ask(commit);
    const other = await ask(commit);
    for (const run of [await ended(issue), await ended(other)]) {
      expect(run.outcome).toBe("succeeded");
      expect(await workerOf(run.machine)).toBe(fleet.workers[0]);
    }
    await settings("machine: [tpu]\n");
    const waiting = await ask(commit);
    await until("the words", async () => {
      const [comment] = await people.answersOn(waiting);
      return comment?.body.includes("labelled tpu") || undefined;
    });
    expect((await runOf(waiting))?.machine).toBeNull();
    // Asked at the one who takes deliveries, done by one who holds the keys.
    await people.comment(waiting, "/agent stop");
    expect((await ended(waiting)).outcome).toBe("cancelled");
    await settings("limits:\n  minutes: 30\n");
  });

  it("what one that is killed has begun, the other brings to its end; pages live at the one who has no key", async () => {
    const issue = await ask(`sleep 8; ${commit}`);
    const begun = await until("the agent at work", async () => {
      const run = await runOf(issue);
      return run?.at === "working" ? run : undefined;
    });
    const worker = await workerOf(begun.machine);
    await worker.kill();
    const ending = new AbortController();
    const live = await fetch(`${fleet.web.url}/runs/${begun.page_key}/live`, { signal: ending.signal });
    expect(live.status).toBe(200);
    const reader = live.body?.pipeThrough(new TextDecoderStream()).getReader();
    let heard = "";
    const listening = (async () => {
      for (;;) {
        const part = await reader?.read();
        if (!part || part.done) return;
        heard += part.value;
      }
    })().catch(() => {});
    const run = await ended(issue);
    expect(run.outcome).toBe("succeeded");
    expect(run.machine).not.toBe(begun.machine);
    await expectOneOfEach(issue);
    await until("the page to have heard", async () => heard.includes("Taken over by another machine") || undefined);
    ending.abort();
    await listening;
    // What it left is taken away when it is back.
    await worker.start();
    await until(
      "its remains to be gone",
      async () => (await readFile(worker.logFile, "utf8")).includes("orphans removed") || undefined,
    );
  });
});
