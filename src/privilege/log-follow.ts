import { open } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";

/** Hands on each whole line that is appended to a file, until disposed. A file that became shorter was begun anew. Looks twice a second:
 *  this is for people who read along, nothing waits for it. */
export function followLog(path: string, to: { line: (line: string) => void; fromStart: boolean }): AsyncDisposable {
  const stop = new AbortController();
  const done = follow(path, to, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

async function follow(
  path: string,
  to: { line: (line: string) => void; fromStart: boolean },
  signal: AbortSignal,
): Promise<void> {
  let at = to.fromStart ? 0 : await sizeOf(path);
  let rest = "";
  for (;;) {
    const size = await sizeOf(path);
    if (size < at) at = 0;
    const text = size > at ? await readFrom(path, at, size - at) : "";
    at += Buffer.byteLength(text);
    const lines = (rest + text).split("\n");
    // A line is short; what does not end is no line of ours.
    rest = (lines.pop() ?? "").slice(-65_536);
    for (const line of lines) to.line(line);
    if (signal.aborted) return;
    await wait(500, undefined, { signal, ref: false }).catch(() => {});
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    await using file = await open(path, "r");
    return (await file.stat()).size;
  } catch {
    return 0;
  }
}

async function readFrom(path: string, position: number, length: number): Promise<string> {
  await using file = await open(path, "r");
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(Math.min(length, 1_048_576)), position });
  return buffer.subarray(0, bytesRead).toString("utf8");
}
