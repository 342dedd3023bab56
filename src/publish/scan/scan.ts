import { Worker } from "node:worker_threads";
import { findSecretShapes } from "../../secret/shapes.ts";
import type { AddedLine } from "../added-lines.ts";

/** A secret that begins in an added line. `shown`: its first characters, the rest as dots. */
export interface Leak<Line extends AddedLine> {
  at: Line;
  kind: string;
  shown: string;
}

interface Found {
  kind: string;
  start: number;
  end: number;
}

/**
 * Looks for secrets by secretlint's rules and by our own shapes. Undefined: it took longer than `limitMs`, or more memory than it may, so nobody knows. One text of
 * all lines: a key that spans lines is found as well.
 */
export async function scanLines<Line extends AddedLine>(
  lines: readonly Line[],
  limitMs: number,
): Promise<Leak<Line>[] | undefined> {
  if (lines.length === 0) return [];
  // Without NULs: UTF-16 would hide what is plain otherwise.
  const texts = lines.map(({ text }) => text.replaceAll("\0", ""));
  const content = texts.join("\n");
  const ruled = await scanByRules(content, limitMs);
  if (!ruled) return undefined;
  const starts: number[] = [];
  let at = 0;
  for (const text of texts) {
    starts.push(at);
    at += text.length + 1;
  }
  const leaks = new Map<string, Leak<Line>>();
  for (const { kind, start, end } of [...findSecretShapes(content), ...ruled]) {
    const index = findLine(starts, start);
    const line = lines[index];
    if (!line) continue;
    const key = `${index}:${start - (starts[index] ?? 0)}`;
    if (!leaks.has(key)) leaks.set(key, { at: line, kind, shown: mask(content.slice(start, end)) });
  }
  return [...leaks.values()];
}

/** Enough to find it again, and no use to anybody. */
function mask(secret: string): string {
  return `${secret.slice(0, 4).replaceAll(/[\p{C}`]/gu, "?")}…`;
}

/** The last line that starts at or before the place. */
function findLine(starts: readonly number[], place: number): number {
  let [from, to] = [0, starts.length - 1];
  while (from < to) {
    const middle = Math.ceil((from + to) / 2);
    if ((starts[middle] ?? 0) <= place) from = middle;
    else to = middle - 1;
  }
  return from;
}

async function scanByRules(content: string, limitMs: number): Promise<Found[] | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Found[] | undefined>();
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData: { content },
    // Nothing of the App's environment, which may hold its secrets.
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  const timer = setTimeout(() => resolve(undefined), limitMs);
  worker
    .on("message", (found: Found[]) => resolve(found))
    .on("error", (error: NodeJS.ErrnoException) =>
      // More matches than memory holds: nobody knows, as when it takes too long.
      error.code === "ERR_WORKER_OUT_OF_MEMORY" ? resolve(undefined) : reject(error),
    );
  worker.on("exit", () => reject(new Error("the scan ended without a word")));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
