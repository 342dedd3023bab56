import { randomBytes } from "node:crypto";
import { Fault } from "../fault.ts";
import { readKnownPackages } from "../prepare/packages.ts";
import type { EvidenceRow } from "../run/evidence.ts";
import { printRunId, type RunId } from "../run/identity.ts";
import { parseEntrypointEvent, printLaunch } from "../sandbox/launch.ts";
import { attachInput, followOutput } from "../sandbox/output.ts";
import { readySandbox, removeRunFolder, type SandboxParts } from "../sandbox/ready.ts";
import { noteRefusals } from "../sandbox/refusals.ts";
import { findSandbox, observeSandbox, removeSandbox, type SandboxHandle } from "../sandbox/sandboxes.ts";
import { runUids } from "../sandbox/uids.ts";
import type { TrialEvent, TrialWish } from "./event.ts";
import { lendTrialReader, type TrialReaderParts } from "./reader.ts";
import { prepareTrialRepository, type TrialRepositoryParts } from "./repository.ts";

export interface TrialParts extends SandboxParts, TrialRepositoryParts, TrialReaderParts {
  deadlineMs: number;
  redact(text: string): string;
}

/** Sandboxes that belong to no run: for whoever operates this machine. Disposing ends all of them and waits until they are gone. */
export interface Trials extends AsyncDisposable {
  /** What happens, as it happens. Always ends, by itself or by the signal, and then nothing of it is left. */
  open(wish: TrialWish, signal: AbortSignal): AsyncGenerator<TrialEvent>;
  /** The names under which there may be something of an open trial. */
  living: ReadonlySet<RunId>;
}

const atMost = 8;

export function createTrials(parts: TrialParts): Trials {
  const closing = new AbortController();
  const open = new Set<Promise<void>>();
  const uids = new Set<number>();
  const living = new Set<RunId>();
  return {
    living,
    async *open(wish, signal) {
      // From the far end of the range: runs take theirs from its beginning, and never so many.
      const uid = Array.from({ length: atMost }, (_, i) => runUids.first + runUids.count - 1 - i).find((it) => !uids.has(it));
      if (uid === undefined || closing.signal.aborted) {
        yield { is: "fault", code: "sandbox.busy", message: `${uids.size} sandboxes are tried already`, remedy: "Wait for one" };
        return;
      }
      uids.add(uid);
      const run = printRunId(randomBytes(10));
      living.add(run);
      const { promise, resolve } = Promise.withResolvers<void>();
      open.add(promise);
      const deadline = AbortSignal.timeout(parts.deadlineMs);
      try {
        yield* runTrial(parts, { run, wish, uid, signal: AbortSignal.any([signal, closing.signal, deadline]) });
      } catch (error) {
        const fault = deadline.aborted ? tooLong : error;
        if (!(fault instanceof Fault)) throw error;
        yield { is: "fault", code: fault.code, message: fault.message, remedy: fault.remedy };
      } finally {
        living.delete(run);
        uids.delete(uid);
        open.delete(promise);
        resolve();
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.all(open);
    },
  };
}

const tooLong = new Fault("sandbox.deadline", "The command was ended at the deadline of a run", {
  remedy: "Raise AIRLOCK_DEADLINE_MINUTES, or give a command that ends",
});

async function* runTrial(
  parts: TrialParts,
  { run, wish, uid, signal }: { run: RunId; wish: TrialWish; uid: number; signal: AbortSignal },
): AsyncGenerator<TrialEvent> {
  const owner = { instance: parts.instance, run };
  await using undo = new AsyncDisposableStack();
  undo.defer(() => removeRunFolder(parts.runsFolder, run));
  undo.defer(() => parts.git.removeRun(run));
  undo.defer(() => removeSandbox(parts.engine, owner));
  undo.defer(async () => {
    await readRecord(parts, run);
  });
  const prepared = wish.do === "verify" ? undefined : await prepareTrialRepository(parts, { run, repository: wish.repository });
  const probe = wish.do !== "verify" || wish.dial === undefined ? {} : probeOf(wish.dial);
  const fact = await readySandbox(parts, { id: run, uid, mode: wish.mode, probe, tryAgent: wish.do === "verify" });
  if (fact.is !== "sealed" && fact.is !== "not-sealed") throw new Error(`a sandbox that is ${fact.is}`);
  const failed = fact.is === "sealed" ? [] : fact.failed;
  yield {
    ...{ is: "verified", mode: wish.mode, checks: [...fact.checks], failed: [...failed] },
    ...(fact.isolation && { isolation: { ...fact.isolation, escapes: [...fact.isolation.escapes] } }),
  };
  if (wish.do === "verify") {
    yield { is: "ended", exitCode: failed.length === 0 ? 0 : 1 };
    return;
  }
  if (failed.length > 0)
    throw new Fault("sandbox.unverified", `The sandbox did not pass its verification: ${failed.join(", ")}`, {
      remedy: "Run ./airlock sandbox verify to see what each check saw",
    });
  const handle = await findSandbox(parts.engine, owner);
  if (!handle) throw sandboxLost;
  if (prepared) {
    await parts.gateway.tellPackages(run, await readKnownPackages(parts.git, run, prepared.tip));
    undo.use(await lendTrialReader(parts, { run, ...prepared }));
  }
  await launch(parts, handle, { wish, branch: prepared?.branch ?? "" });
  if (wish.do === "shell") yield { is: "attach", containerId: handle.containerId };
  yield* output(parts, handle, { signal, told: wish.do === "exec" });
  signal.throwIfAborted();
  const seen = await observeSandbox(parts.engine, owner);
  if (seen.state !== "exited") throw sandboxLost;
  for (const row of await readRecord(parts, run)) yield { is: "record", row: { ...row, target: parts.redact(row.target) } };
  if (seen.oomKilled) throw outOfMemory;
  yield { is: "ended", exitCode: seen.exitCode };
}

const sandboxLost = new Fault("sandbox.lost", "The sandbox disappeared", { remedy: "Look into the engine's log" });
const outOfMemory = new Fault("sandbox.memory", "The command was ended: it reached the sandbox's memory", {
  remedy: "Raise AIRLOCK_MEMORY",
});

function probeOf(dial: string) {
  return dial.includes(":") ? { publicAddressV6: dial } : { publicAddress: dial };
}

async function launch(
  parts: TrialParts,
  handle: SandboxHandle,
  { wish, branch }: { wish: Exclude<TrialWish, { do: "verify" }>; branch: string },
): Promise<void> {
  const input = await attachInput(parts.engine, handle);
  const order =
    wish.do === "exec"
      ? printLaunch({ mode: "command", branch, resume: false, argv: wish.argv })
      : printLaunch({ mode: "shell", branch, resume: false, argv: [`${wish.rows}`, `${wish.columns}`] });
  await new Promise<void>((resolve, reject) => input.write(order, (error) => (error ? reject(error) : resolve())));
  input.end();
}

/** The command's own lines, and of the entrypoint's only a failure. */
async function* output(
  parts: TrialParts,
  handle: SandboxHandle,
  { signal, told }: { signal: AbortSignal; told: boolean },
): AsyncGenerator<TrialEvent> {
  let blank = false;
  for await (const { line, stream } of followOutput(parts.engine, handle, { signal })) {
    const event = parseEntrypointEvent(line);
    if (event?.airlock === "failed")
      throw new Fault("sandbox.entrypoint", `The sandbox could not begin: its step "${event.step}" failed`, {
        remedy: "Its lines above say why",
      });
    if (!told || event) continue;
    // The entrypoint ends the command's last line, which may have been ended already: a blank line shows only before another.
    if (blank) yield { is: "output", stream: "stdout", line: "" };
    blank = stream === "stdout" && line === "";
    if (!blank) yield { is: "output", stream, line };
  }
}

/** Shuts the door and answers with all that went through it. A second time there is nothing any more. */
async function readRecord(parts: TrialParts, run: RunId): Promise<EvidenceRow[]> {
  await noteRefusals(parts, run, { last: true });
  const { lastSeq } = await parts.gateway.closeDoor(run);
  if (lastSeq === 0) return [];
  const rows: EvidenceRow[] = [];
  for await (const row of parts.gateway.record(run, 0, AbortSignal.timeout(10_000))) rows.push(row);
  await parts.gateway.acknowledge(run, lastSeq);
  return rows;
}
