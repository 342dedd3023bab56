import { appendFileSync, createReadStream, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { EvidenceRow } from "../run/evidence.ts";
import { parseRunId, type RunId } from "../run/identity.ts";
import { digestOf, firstDigest } from "../secret/chain.ts";

/** Rows of one run on disk: memory stays bounded, and a gateway that was killed goes on counting where it was. */
export interface Spool {
  run: RunId;
  lastSeq(): number;
  append(row: Omit<EvidenceRow, "run" | "seq" | "digest">): void;
  /** Nothing more will come: followers end, until the door is opened again. */
  end(): void;
  resume(): void;
  /** Rows after `afterSeq`, then those that follow until `end`. */
  follow(afterSeq: number, signal: AbortSignal): AsyncGenerator<EvidenceRow>;
  remove(): void;
}

/** Rows that one run may cause; then its door answers no more. At most about 60 MB. */
export const longestRecord = 50_000;

export function openSpool(folder: string, run: RunId): Spool {
  const path = fileOf(folder, run);
  let { seq: last, digest } = repair(path, run);
  let ended = false;
  let wake = Promise.withResolvers<void>();
  const ring = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  return {
    run,
    lastSeq: () => last,
    append(row) {
      last += 1;
      // As it will be read back: a digest of anything else would fit nobody's reading.
      const written = JSON.parse(JSON.stringify({ run, seq: last, ...row })) as EvidenceRow;
      digest = digestOf(digest, written);
      appendFileSync(path, `${JSON.stringify({ ...written, digest })}\n`, { mode: 0o600 });
      ring();
    },
    end() {
      ended = true;
      ring();
    },
    resume() {
      ended = false;
    },
    async *follow(afterSeq, signal) {
      let seen = afterSeq;
      const gone = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      while (!signal.aborted) {
        const next = wake.promise;
        const finished = ended;
        if (seen < last) {
          for await (const row of readRows(path)) {
            if (row.seq <= seen) continue;
            seen = row.seq;
            yield row;
          }
        } else if (finished) return;
        else await Promise.race([next, gone]);
      }
    },
    remove: () => rmSync(path, { force: true }),
  };
}

/** Runs of which rows lie on disk. */
export function listSpools(folder: string): RunId[] {
  return readdirSync(folder).flatMap((name) =>
    name.endsWith(".ndjson") ? (parseRunId(name.slice(0, -".ndjson".length)) ?? []) : [],
  );
}

function fileOf(folder: string, run: RunId): string {
  return join(folder, `${run}.ndjson`);
}

/** The last number that was written, and its digest; a line that a power cut left half is cut off, so that the next one stands by itself. */
function repair(path: string, run: RunId): { seq: number; digest: string } {
  if (!existsSync(path)) {
    appendFileSync(path, "", { mode: 0o600 });
    return { seq: 0, digest: firstDigest(run) };
  }
  const text = readFileSync(path, "utf8");
  if (text !== "" && !text.endsWith("\n")) appendFileSync(path, "\n");
  const last = text.split("\n").reduce<EvidenceRow | undefined>((row, line) => parseRow(line) ?? row, undefined);
  return { seq: last?.seq ?? 0, digest: last?.digest ?? firstDigest(run) };
}

async function* readRows(path: string): AsyncGenerator<EvidenceRow> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const row = parseRow(line);
    if (row) yield row;
  }
}

function parseRow(line: string): EvidenceRow | undefined {
  try {
    return JSON.parse(line) as EvidenceRow;
  } catch {
    return undefined;
  }
}
