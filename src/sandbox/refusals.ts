import type { Gateway } from "../gateway/client.ts";
import type { RefusedTotal } from "../run/evidence.ts";
import type { RunId } from "../run/identity.ts";
import type { Engine } from "./engine.ts";
import { statusOf } from "./image-stream.ts";
import { lineJoiner, splitFrames } from "./log-frames.ts";
import { forgetRefused, readCounters, readRefused } from "./nft.ts";
import { sumDials, sumNames } from "./refused.ts";
import { inspect } from "./sandboxes.ts";
import { pauseName } from "./spec.ts";

export interface RefusalParts {
  engine: Engine;
  gateway: Gateway;
  instance: string;
}

/** How long the resolver may take to tell its last figures. */
const endSeconds = 3;

/**
 * Puts what the run's firewall and resolver refused on the gateway's record. Does nothing for a run without a namespace. May be repeated:
 * the gateway knows what stands there. `last`: also ends the resolver, which then tells its exact figures; the agent has ended by then.
 */
export async function noteRefusals(parts: RefusalParts, run: RunId, { last }: { last: boolean }): Promise<void> {
  const { engine, gateway, instance } = parts;
  const pause = await inspect(engine, pauseName({ run, instance }));
  if (!pause) return;
  const { Running, Pid, ExitCode } = pause.State;
  const running = Running && Pid > 1;
  // Ended by an earlier last note of ours, after the kernel's figures had been told: it ends with 0 then.
  if (running || ExitCode !== 0) await gateway.noteNetwork(run, { totals: running ? await readDials(Pid) : [unread], last });
  if (running && last) await engine.docker.getContainer(pause.Id).stop({ t: endSeconds }).catch(unlessGone);
  await gateway.noteNetwork(run, { totals: await readNames(engine, pause.Id), last });
}

/** Puts on the gateway's record that the rules were not as they were loaded, and when that was seen. The counts began anew with it. */
export async function noteTampering(
  gateway: Gateway,
  run: RunId,
  { is, seen, atMs }: { is: "restored" | "lost"; seen: string; atMs: number },
): Promise<void> {
  const target = `${seen}, and ${is === "restored" ? "were restored" : "could not be restored"} at ${new Date(atMs).toISOString()}`;
  await gateway.noteNetwork(run, { totals: [{ rule: "firewall.tampered", method: "", target, times: 1 }], last: false });
}

/** Begins the counts anew: what was tried to verify the sandbox is none of the run's. Throws Fault "engine.firewall". */
export async function forgetRefusals(engine: Engine, namespace: { pid: number; pauseId: string }): Promise<void> {
  await forgetRefused(namespace.pid);
  await engine.docker.getContainer(namespace.pauseId).kill({ signal: "SIGHUP" });
}

const unread: RefusedTotal = { rule: "firewall.unread", method: "", target: "what was refused could not be read", times: 1 };

/** A run must come to its end also where this cannot be read; but not in silence. */
async function readDials(pid: number): Promise<RefusedTotal[]> {
  try {
    // The sum first: what is dialled in between is listed, and not counted a second time as unlisted.
    const counters = await readCounters(pid);
    return sumDials({ counters, refused: await readRefused(pid) });
  } catch {
    return [unread];
  }
}

async function readNames(engine: Engine, pauseId: string): Promise<RefusedTotal[]> {
  const log = await engine.docker.getContainer(pauseId).logs({ stdout: true, timestamps: true, follow: false });
  const joiner = lineJoiner(4_096);
  const lines = splitFrames(log as unknown as Buffer).entries.flatMap((entry) => joiner.add(entry)?.line ?? []);
  return sumNames(lines);
}

function unlessGone(error: unknown): void {
  if (statusOf(error) !== 304 && statusOf(error) !== 404) throw error;
}
