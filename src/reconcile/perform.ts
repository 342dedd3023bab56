import { randomUUID } from "node:crypto";
import { beginAgent, endInput, stopSeconds, tellAgent, wasHeard } from "../agent/begin.ts";
import { scopeOf } from "../github/grant.ts";
import { announce } from "../prepare/announce.ts";
import { prepareRun } from "../prepare/prepare.ts";
import { examineWork } from "../publish/examine.ts";
import { ensurePullRequest } from "../publish/pull-request.ts";
import { pushWork } from "../publish/push.ts";
import { releaseWork } from "../publish/release.ts";
import type { Fact } from "../run/fact.ts";
import type { Run, Slot } from "../run/state.ts";
import type { Step } from "../run/step.ts";
import { readySandbox } from "../sandbox/ready.ts";
import { findSandbox, observeSandbox, stopSandbox } from "../sandbox/sandboxes.ts";
import { runUids } from "../sandbox/uids.ts";
import { findPaper, putPaper } from "../store/queries/papers.ts";
import { addBranchTip } from "../store/queries/places.ts";
import type { RunRow } from "../store/queries/runs.ts";
import { takeUid } from "../store/queries/slots.ts";
import { findLateMove, pin } from "../trigger/pin.ts";
import { closeRun } from "./close.ts";
import { furnishDoor } from "./furnish-door.ts";
import type { House } from "./house.ts";
import { createReachKeeper, endInside, lendInside } from "./insider.ts";
import type { Perform } from "./loop.ts";
import { progressOf } from "./observe.ts";
import { restRun } from "./rest.ts";

/** What each step does. Every one may be killed at any point and done again. */
export function createPerform(house: House): Perform {
  const keepReach = createReachKeeper();
  return {
    wait: async () => undefined,
    pin: (run) => pin(house, run),
    announce: (run) => announce(house, run, stateOf(run, "announcing").pins),
    "take-slot": async (run) => {
      const uid = await takeUid(house.db, { run: run.id, fence: run.fence, limit: house.concurrency, range: runUids });
      return uid === undefined ? undefined : { is: "slot-taken", slot: { uid, mode: house.mode } satisfies Slot };
    },
    report: async (run) => {
      const progress = await progressOf(house, run);
      if ("stand" in run.state && run.state.stand) await house.teller.check(run, { sha: run.state.stand.sha });
      if (run.state.at === "queued") await house.teller.comment(run);
      await house.teller.remember(run, progress);
      // What the gateway was lent is renewed within its hour.
      if (run.state.at === "working") await furnishDoor(house, run);
      return undefined;
    },
    prepare: (run) => {
      const { pins, stand } = stateOf(run, "preparing");
      return prepareRun(house, run, { pins, branch: stand.branch });
    },
    seal: async (run) => {
      const fact = await readySandbox(house, { id: run.id, ...stateOf(run, "sealing").slot });
      if (fact.is === "sealed") await furnishDoor(house, run);
      house.watchers.record(run);
      return fact;
    },
    launch: async (run) => (await findLateMove(house, run)) ?? launch(house, run),
    watch: async (run) => {
      const sandbox = await observeSandbox(house.engine, { instance: house.instance, run: run.id });
      if (sandbox.state === "running") await furnishDoor(house, run);
      if (sandbox.state === "running") await keepReach(house, run);
      house.watchers.record(run);
      house.watchers.output(run);
      // Its last words first: only then is it said that the agent has ended.
      if (sandbox.state === "exited") await house.watchers.drain(run.id);
      return undefined;
    },
    nudge: (run, step) => nudge(house, run, step),
    "note-limit": async (_run, { limit }) => ({ is: "limit-met", limit }),
    "end-input": async (run) => {
      const handle = await findSandbox(house.engine, { instance: house.instance, run: run.id });
      if (handle) await endInput(house.engine, handle);
      house.watchers.deafen(run.id);
      return undefined;
    },
    "ask-stop": async (_run, step) => ({ is: "stop-asked", ending: step.ending }),
    "stop-sandbox": async (run) => {
      const fact = await stop(house, run);
      await endInside(house, run);
      return fact;
    },
    "end-agent": async (run, step) => {
      await endInside(house, run);
      return { is: "agent-ended", exitCode: step.exitCode, oomKilled: step.oomKilled };
    },
    inspect: async (run) => {
      // Shut first: what is inspected must not move while it is read.
      await house.watchers.shut(run);
      const { pins, stand } = stateOf(run, "inspecting");
      return examineWork(house, run, { pins, branch: stand.branch });
    },
    rest: (run) => restRun(house, run, stateOf(run, "held")),
    release: (run, { by }) => releaseWork(house, run, stateOf(run, "held"), by),
    discard: async (_run, { by }) => ({ is: "discarded", by }),
    expire: async () => ({ is: "hold-expired" }),
    push: (run, step) => {
      const { stand, workflows } = stateOf(run, "publishing");
      return pushWork(house, run, {
        branch: stand.branch,
        old: stand.sha,
        rebuilt: step.rebuilt,
        duty: workflows ? "publisherOfWorkflows" : "publisher",
      });
    },
    present: (run) => present(house, run),
    fail: async (_run, { code, words, remedy }) => ({ is: "failed", reason: { code, words, remedy } }),
    recall: async (_run, { do: _, ...end }) => ({ is: "recalled", ...end }),
    close: (run) => closeRun(house, run, stateOf(run, "closing")),
  };
}

type StepOf<Do extends Step["do"]> = Extract<Step, { do: Do }>;

/** The state, known to be at this place: `decide` chose the step for it. */
function stateOf<P extends Run["at"]>(run: RunRow, at: P): Extract<Run, { at: P }> {
  if (run.state.at !== at) throw new Error(`a step for ${at} met a run that is ${run.state.at}`);
  return run.state as Extract<Run, { at: P }>;
}

async function launch(house: House, run: RunRow): Promise<Fact> {
  const { stand, slot } = stateOf(run, "launching");
  const handle = await findSandbox(house.engine, { instance: house.instance, run: run.id });
  const prompt = await findPaper(house.db, run.id, "prompt");
  if (!handle || prompt === undefined) throw new Error("nothing to launch, or nothing to say to it");
  await lendInside(house, run, slot);
  const atMs = house.nowMs();
  // Written before it is said, so that an attempt after a crash knows that this one may have been heard.
  const known = await findPaper(house.db, run.id, "session");
  const sessionId = known ?? randomUUID();
  if (known === undefined) await putPaper(house.db, { run: run.id, fence: run.fence, kind: "session", text: sessionId });
  if (known === undefined || !(await wasHeard(house.engine, handle, 10_000)))
    await beginAgent(house.engine, handle, { branch: stand.branch, model: house.model, sessionId, prompt });
  house.watchers.output(run);
  return { is: "launched", atMs, deadlineAtMs: atMs + (slot.limits ? slot.limits.minutes * 60_000 : house.deadlineMs) };
}

async function nudge(house: House, run: RunRow, { why, call, words }: StepOf<"nudge">): Promise<Fact> {
  const handle = await findSandbox(house.engine, { instance: house.instance, run: run.id });
  const nth = stateOf(run, "working").nudges?.length ?? 0;
  // Written before it is said: an attempt after a crash must not say it a second time.
  const said = Number((await findPaper(house.db, run.id, "nudges")) ?? "0");
  await putPaper(house.db, { run: run.id, fence: run.fence, kind: "nudges", text: `${nth + 1}` });
  if (handle && said <= nth) await tellAgent(house.engine, handle, words);
  return { is: "nudged", why, ...(call !== undefined && { call }), words, atMs: house.nowMs() };
}

async function stop(house: House, run: RunRow): Promise<Fact> {
  const handle = await findSandbox(house.engine, { instance: house.instance, run: run.id });
  if (!handle) return { is: "stopped", exitCode: 137 };
  // The entrypoint commits and pushes what is there within the grace: work that was cut short is kept.
  await stopSandbox(house.engine, handle, { graceMs: (stopSeconds + 3) * 1_000 });
  house.watchers.output(run);
  await house.watchers.drain(run.id);
  const sandbox = await observeSandbox(house.engine, { instance: house.instance, run: run.id });
  return { is: "stopped", exitCode: sandbox.state === "exited" ? sandbox.exitCode : 137 };
}

async function present(house: House, run: RunRow): Promise<Fact> {
  const { pins, stand, rebuilt, draft = false } = stateOf(run, "presenting");
  const { owner, name: repo, subject, repositoryId } = run.request;
  await addBranchTip(house.db, { repositoryId, branch: stand.branch, sha: rebuilt, run: run.id });
  // A check cannot move to another commit: the new head gets one of the same name and external id.
  await house.teller.check(run, { sha: rebuilt });
  if (subject.kind === "pull")
    return {
      is: "presented",
      pullRequest: { number: subject.number, url: `${house.webUrl}/${owner}/${repo}/pull/${subject.number}`, head: rebuilt },
    };
  const api = await house.grants.keep("reporter", scopeOf(run.id, run.request));
  const { botId } = await house.app.identity();
  const text = await house.teller.pullRequestText(run);
  const pullRequest = await ensurePullRequest(api, {
    owner,
    repo,
    branch: stand.branch,
    target: pins.targetBranch,
    head: rebuilt,
    botId,
    draft,
    ...text,
  });
  return { is: "presented", pullRequest };
}
