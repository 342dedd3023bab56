import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { Engine } from "./engine.ts";
import { lineJoiner, loggedBytes, type OutputLine, splitFrames } from "./log-frames.ts";
import type { SandboxHandle } from "./sandboxes.ts";

/** A line of a sandbox, and how much of the log has been read up to it (an upper bound of bytes in the engine's file). */
export interface SandboxOutput extends OutputLine {
  loggedBytes: number;
}

export interface FollowOptions {
  /** Epoch milliseconds; lines of that very millisecond come (again). Default: from the beginning. */
  sinceMs?: number;
  signal: AbortSignal;
  /** Of one line that are kept. A message of the agent's may hold a whole file. */
  lineLimitBytes?: number;
  /** Called as the log is read, also in the middle of a line that never ends: by it the run is ended at its limit. */
  onLoggedBytes?: (loggedBytes: number) => void;
}

/**
 * The sandbox's output, first what is in the engine's log, then as it comes; ends when the sandbox has stopped (or the engine went
 * away: observe to know which). Aborting ends it without an error. With `sinceMs` the same line may come twice: the caller drops
 * what it knows. `loggedBytes` counts only what was read here; to hold a run to its limit, read from the beginning.
 */
export async function* followOutput(
  engine: Engine,
  handle: SandboxHandle,
  options: FollowOptions,
): AsyncGenerator<SandboxOutput> {
  const { sinceMs, signal, lineLimitBytes = 8 * 1024 ** 2 } = options;
  if (signal.aborted) return;
  const log = (await engine.docker.getContainer(handle.containerId).logs({
    follow: true,
    stdout: true,
    stderr: true,
    timestamps: true,
    ...(sinceMs === undefined ? {} : { since: sinceMs / 1000 }),
  })) as NodeJS.ReadableStream & { destroy(): void };
  const abort = () => log.destroy();
  signal.addEventListener("abort", abort, { once: true });
  const joiner = lineJoiner(lineLimitBytes);
  let read = 0;
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of log) {
      const split = splitFrames(Buffer.concat([rest, chunk as Buffer]));
      rest = split.rest;
      for (const entry of split.entries) {
        read += loggedBytes(entry.bytes);
        const line = joiner.add(entry);
        if (line) yield { ...line, loggedBytes: read };
      }
      options.onLoggedBytes?.(read);
    }
    for (const line of joiner.rest()) yield { ...line, loggedBytes: read };
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    log.destroy();
  }
}

/**
 * The sandbox's stdin. Each write a whole line. Ending or destroying it only lets go: the sandbox's stdin stays open for whoever
 * attaches next. Let go when the sandbox has ended: the engine leaves the connection open.
 */
export async function attachInput(engine: Engine, handle: SandboxHandle): Promise<Writable> {
  const stream = (await engine.docker
    .getContainer(handle.containerId)
    .attach({ stream: true, stdin: true, hijack: true })) as unknown as Socket;
  // The engine may go away; who writes learns from the sandbox's state what became of it.
  stream.on("error", () => {});
  stream.once("finish", () => stream.destroy());
  stream.resume();
  // One that was forgotten must not keep the App from leaving.
  stream.unref();
  return stream;
}
