import { randomUUID } from "node:crypto";
import { beginAgent, endInput, stopSeconds, tellAgent, wasHeard } from "../agent/begin.ts";
import { decideRecordStart } from "../gateway/record-start.ts";
import { firstError, statusOf } from "../github/api.ts";
import { scopeOf } from "../github/grant.ts";
import { announce } from "../prepare/announce.ts";
import { prepareRun } from "../prepare/prepare.ts";
import { examineWork } from "../publish/examine.ts";
import { ensurePullRequest } from "../publish/pull-request.ts";
import { pushWork } from "../publish/push.ts";
import { releaseWork } from "../publish/release.ts";
import { findOtherTarget } from "../publish/target.ts";
import { findUntold } from "../report/untold.ts";
import type { Fact } from "../run/fact.ts";
import type { Run, Slot } from "../run/state.ts";
import type { Step } from "../run/step.ts";
import { printResumption } from "../run/waiting.ts";
import { readySandbox } from "../sandbox/ready.ts";
import { findSandbox, observeSandbox, stopSandbox } from "../sandbox/sandboxes.ts";
import { runUids } from "../sandbox/uids.ts";
import { findPaper, type PaperKind, putPaper } from "../store/queries/papers.ts";
import { addBranchTip } from "../store/queries/places.ts";
import { receivedOf } from "../store/queries/record.ts";
import type { RunRow } from "../store/queries/runs.ts";
import { takeUid } from "../store/queries/slots.ts";
import { findLateEdit } from "../trigger/edited.ts";
import { findLateMove, pin } from "../trigger/pin.ts";
import { beginAnew } from "./begin-anew.ts";
import { closeRun } from "./close.ts";
import { noteExposure, noteMoved } from "./exposure.ts";
import { furnishDoor } from "./furnish-door.ts";
import type { House } from "./house.ts";
import { endInside, lendInside } from "./insider.ts";
import type { Perform } from "./loop.ts";
import { progressOf } from "./observe.ts";
import { putAway } from "./put-away.ts";
import { restRun } from "./rest.ts";
import { takeOver } from "./take-over.ts";

/** What each step does. Every one may be killed at any point and done again. */
export function createPerform(house: House): Perform {
  return {
    wait: async () => undefined,
    pin: (run) => pin(house, run),
    announce: (run) => announce(house, run, stateOf(run, "announcing").pins),
    "take-slot": async (run) => {
      const place = { run: run.id, fence: run.fence, range: runUids, nowMs: house.nowMs() };
      const onlyBegun = house.disk.full() !== undefined;
      const uid = await takeUid(house.db, { ...house.line, ...place, onlyBegun });
      return uid === undefined ? undefined : { is: "slot-taken", slot: { uid, mode: house.mode } satisfies Slot };
    },
    report: async (run) => {
      const progress = await progressOf(house, run);
      house.app.throttle.tell();
      if ("stand" in run.state && run.state.stand) await house.teller.check(run, { sha: run.state.stand.sha });
      if (run.state.at === "queued" || run.state.at === "held") await tellComment(house, run);
      await house.teller.remember(run, progress);
      return undefined;
    },
    prepare: async (run) => {
      const { pins, stand, earlier } = stateOf(run, "preparing");
      if (earlier) await beginAnew(house, run);
      // It may have waited for its place for hours. What was pushed since it began does not end it.
      const moved = earlier ? undefined : await findLateMove(house, run);
      return moved ?? prepareRun(house, run, { pins, branch: stand.branch });
    },
    seal: async (run) => {
      const { slot, pausedFor } = stateOf(run, "sealing");
      const recordAfter = decideRecordStart(await receivedOf(house.db, run.id));
      const fact = await readySandbox(house, {
        ...{ id: run.id, ...slot, goesOn: pausedFor !== undefined },
        ...(recordAfter && { recordAfter }),
      });
      if (fact.is === "sealed") await furnishDoor(house, run);
      house.watchers.record(run);
      return fact;
    },
    launch: async (run) => (await findLate(house, run)) ?? launch(house, run),
    watch: async (run) => {
      const sandbox = await observeSandbox(house.engine, { instance: house.instance, run: run.id });
      if (sandbox.state === "running") await house.upkeep.tend(house, run);
      house.watchers.record(run);
      house.watchers.output(run);
      // Its last words first: only then is it said that the agent has ended.
      if (sandbox.state === "exited") await house.watchers.drain(run.id);
      return undefined;
    },
    upkeep: async (run) => {
      await house.upkeep.tend(house, run);
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
      await noteMoved(house, run);
      return fact;
    },
    "end-agent": async (run, step) => {
      await endInside(house, run);
      await noteMoved(house, run);
      return { is: "agent-ended", exitCode: step.exitCode, oomKilled: step.oomKilled };
    },
    pause: async (_run, { pause }) => ({ is: "paused", pause, atMs: house.nowMs() }),
    "put-away": (run) => putAway(house, run, stateOf(run, "waiting")),
    move: (run) => takeOver(house, run),
    inspect: async (run) => {
      // Shut first: what is inspected must not move while it is read.
      await house.watchers.shut(run);
      const { pins, stand, slot } = stateOf(run, "inspecting");
      return examineWork(house, run, { pins, branch: stand.branch, ...(slot.paths && { tighter: slot.paths }) });
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
    close: (run) => {
      house.upkeep.forget(run.id);
      return closeRun(house, run, stateOf(run, "closing"));
    },
  };
}

type StepOf<Do extends Step["do"]> = Extract<Step, { do: Do }>;

/** The state, known to be at this place: `decide` chose the step for it. */
function stateOf<P extends Run["at"]>(run: RunRow, at: P): Extract<Run, { at: P }> {
  if (run.state.at !== at) throw new Error(`a step for ${at} met a run that is ${run.state.at}`);
  return run.state as Extract<Run, { at: P }>;
}

/** No place in the queue and no held work is lost for a sentence that GitHub does not take any more: the check has said the same. */
async function tellComment(house: House, run: RunRow): Promise<void> {
  try {
    await house.teller.comment(run);
  } catch (thrown) {
    const error = firstError(thrown);
    if (findUntold("run's comment", error, run.tries) === undefined) throw error;
    house.log.warn({ err: error, runId: run.id }, "report refused");
  }
}

/** What GitHub told of after the run had been pinned, and that was not authorised. One that goes on was, and goes on. */
async function findLate(house: House, run: RunRow): Promise<Fact | undefined> {
  if (stateOf(run, "launching").earlier) return undefined;
  return (await findLateMove(house, run)) ?? findLateEdit(house, run);
}

async function launch(house: House, run: RunRow): Promise<Fact> {
  const { stand, slot, earlier, pausedFor } = stateOf(run, "launching");
  const handle = await findSandbox(house.engine, { instance: house.instance, run: run.id });
  const prompt = await findPaper(house.db, run.id, "prompt");
  if (!handle || prompt === undefined) throw new Error("nothing to launch, or nothing to say to it");
  // Once: in a run that goes on, what moved since its first sandbox is told in the end.
  if (slot.mode === "firewalled" && !earlier) await noteExposure(house, run, stateOf(run, "launching").pins.targetBranch);
  await lendInside(house, run, slot);
  const atMs = house.nowMs();
  // Written before it is said, so that an attempt after a crash knows that this one may have been heard.
  const write = (kind: PaperKind, text: string) => putPaper(house.db, { run: run.id, fence: run.fence, kind, text });
  const nth = `${(earlier?.sandboxes ?? 0) + 1}`;
  const begun = (await findPaper(house.db, run.id, "launched")) === nth;
  const sessionId = (await findPaper(house.db, run.id, "session")) ?? randomUUID();
  await write("session", sessionId);
  // The new sandbox has been told nothing yet.
  if (!begun) await write("nudges", "0");
  await write("launched", nth);
  const said = pausedFor ? printResumption(pausedFor, prompt) : prompt;
  if (!begun || !(await wasHeard(house.engine, handle, 10_000)))
    await beginAgent(house.engine, handle, {
      ...{ branch: stand.branch, model: house.model, sessionId, prompt: said, resume: pausedFor !== undefined },
    });
  house.watchers.output(run);
  const spanMs = slot.limits ? slot.limits.minutes * 60_000 : house.deadlineMs;
  return { is: "launched", atMs, deadlineAtMs: atMs + spanMs - (earlier?.workedMs ?? 0) };
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
  const wanted = { owner, repo, branch: stand.branch, head: rebuilt, botId, draft };
  try {
    return { is: "presented", pullRequest: await ensurePullRequest(api, { ...wanted, target: pins.targetBranch, ...text }) };
  } catch (error) {
    const target = statusOf(error) === 422 ? await findOtherTarget(house, run, { pins, branch: stand.branch }) : undefined;
    if (target === undefined) throw error;
    const why = `The branch \`${pins.targetBranch}\` that this was asked for does not exist any more: it goes into \`${target}\`.`;
    return {
      is: "presented",
      pullRequest: await ensurePullRequest(api, { ...wanted, target, ...text, body: `${why}\n\n${text.body}` }),
    };
  }
}
