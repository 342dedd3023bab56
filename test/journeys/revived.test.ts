import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRules } from "../../src/sandbox/nft.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
let open: TestHouse;
beforeAll(async () => {
  house = await openHouse({ limits: { concurrency: 2 } });
  open = await openHouse({ mode: "firewalled" });
});
afterAll(async () => {
  await house?.close();
  await open?.close();
});

describe.concurrent("a run whose container dies", () => {
  it.each(["sealed", "firewalled"])(
    "[49] goes on in another one (%s) with its tree and its session, to its pull request",
    async (mode) => {
      const of = mode === "sealed" ? house : open;
      // Told the task again, the model does the same again: by then the first half is there.
      const first = `echo first > first.txt; ${signOfLife}; sleep 300`;
      const issue = await of.openIssue({
        shell: `if [ -e first.txt ]; then echo second > second.txt; git add -A; git commit -qm Both; else ${first}; fi`,
      });
      await of.setLabel(issue);
      const run = await of.inShell(issue);
      const [container] = await of.machine.engine.docker.listContainers({
        filters: JSON.stringify({ label: [`airlock.run=${run.id}`, "airlock.role=sandbox"] }),
      });
      await of.machine.engine.docker.getContainer(container?.Id ?? "").kill({ signal: "SIGKILL" });
      const ended = await of.ended(issue);
      expect(ended.state, JSON.stringify(ended.timeline)).toMatchObject({ outcome: "succeeded" });
      expect(ended.timeline.map(({ words }) => words)).toEqual(
        expect.arrayContaining(["The sandbox ended under the agent", "Sandbox put away"]),
      );
      const { json: files } = await of.ask("maintainer", "GET", `/pulls/${ended.pullRequest?.number}/files`);
      expect(files.map(({ filename }: { filename: string }) => filename).sort()).toEqual(["first.txt", "second.txt"]);
      const told = await of.transcriptOf(run.id);
      expect(told.match(/"fresh":(true|false)/g)).toEqual(['"fresh":true', '"fresh":false']);
      // Its session too: the model is asked with what was said before.
      expect(of.local.model.requests().at(-1)?.messages).toBeGreaterThan(3);
    },
  );

  it("[56] goes on, firewalled, behind rules that were flushed and restored, and its record says so", async () => {
    const reach = 'curl -s -m 2 -o /dev/null "$(cat /github/host)"';
    const wait = (word: string) => `${word} ${reach}; do sleep 0.2; done`;
    const shell = [
      wait("until"),
      signOfLife,
      wait("while"),
      wait("until"),
      "echo back > back.txt",
      "git add -A",
      "git commit -qm Back",
    ];
    const issue = await open.openIssue({ shell: shell.join("\n") });
    await open.setLabel(issue);
    const run = await open.inShell(issue);
    const [pause] = await open.machine.engine.docker.listContainers({
      filters: JSON.stringify({ label: [`airlock.run=${run.id}`, "airlock.role=namespace"] }),
    });
    const { Pid } = (await open.machine.engine.docker.getContainer(pause?.Id ?? "").inspect()).State;
    await execa("nsenter", ["--target", `${Pid}`, "--net", "--", "nft", "flush", "ruleset"]);
    await until("the rules to stand again", async () => (await readRules(Pid)) !== undefined);
    const ended = await open.ended(issue);
    expect(ended.state, JSON.stringify(ended.timeline)).toMatchObject({ outcome: "succeeded" });
    expect(ended.evidence.rows.filter(({ rule }) => rule === "firewall.tampered")).toMatchObject([
      {
        door: "network",
        verdict: "refused",
        target: expect.stringMatching(/^the firewall's rules were gone, and were restored at 2/),
      },
    ]);
    expect((await open.page(ended)).text).toContain("something on the host changed or removed");
  });

  it("is given up after its last attempt, and says so; what it had pushed is kept", async () => {
    const push = "git add -A; git commit -qm Kept; git push -q http://127.0.0.1:8090/git/repository.git HEAD:refs/heads/work";
    // Whatever ends everything of the sandbox's uid ends the entrypoint too.
    const issue = await house.openIssue({ shell: `[ -e kept.txt ] || { echo kept > kept.txt; ${push}; }; kill -9 -1` });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("from outside") });
    expect(run.timeline.filter(({ words }) => words === "The sandbox ended under the agent")).toHaveLength(2);
    expect(run.timeline.filter(({ words }) => words === "The agent started")).toHaveLength(3);
    expect(run.patch).toContain("+kept");
  });
});
