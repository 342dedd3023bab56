import { appendFileSync, createReadStream, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readLines, splitLines } from "../lines.ts";
import type { EvidenceRow } from "../run/evidence.ts";
import { parseRunId, type RunId } from "../run/identity.ts";
import { digestOf, firstDigest } from "../secret/chain.ts";
import { appendLine } from "./append-line.ts";
import type { RecordStart } from "./record-start.ts";

/** Rows of one run on disk: memory stays bounded, and a gateway that was killed goes on counting where it was. */
export interface Spool {
  run: RunId;
  lastSeq(): number;
  /** Bytes of all rows of one door, of earlier lives too. */
  carried(door: EvidenceRow["door"]): { bytesIn: number; bytesOut: number };
  append(row: Omit<EvidenceRow, "run" | "seq" | "digest">): void;
  /** Nothing more will come: followers end, until the door is opened again. */
  end(): void;
  resume(): void;
  /** Rows after `afterSeq`, then those that follow until `end`. */
  follow(afterSeq: number, signal: AbortSignal): AsyncGenerator<EvidenceRow>;
  /** Those that are there now. */
  rows(): AsyncGenerator<EvidenceRow>;
  remove(): void;
}

/** Rows that one run may cause; then its door answers no more. At most about 60 MB. */
export const longestRecord = 50_000;

/** `start`: where a record that is not here begins; the first row follows the one that it names. */
export function openSpool(folder: string, run: RunId, start?: RecordStart): Spool {
  const path = fileOf(folder, run);
  if (start && start.seq > 0 && !existsSync(path)) appendFileSync(path, `${JSON.stringify({ start })}\n`, { mode: 0o600 });
  const kept = repair(path, run);
  const { carried } = kept;
  let { seq: last, digest } = kept;
  let ended = false;
  let wake = Promise.withResolvers<void>();
  const ring = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  return {
    run,
    lastSeq: () => last,
    carried: (door) => carried.get(door) ?? nothingCarried,
    append(row) {
      // As it will be read back: a digest of anything else would fit nobody's reading.
      const written = JSON.parse(JSON.stringify({ run, seq: last + 1, ...row })) as EvidenceRow;
      const next = digestOf(digest, written);
      appendLine(path, JSON.stringify({ ...written, digest: next }));
      [last, digest] = [last + 1, next];
      carry(carried, row);
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
      let atByte = 0;
      const gone = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      while (!signal.aborted) {
        const next = wake.promise;
        const finished = ended;
        if (seen < last) {
          // From where it was: read from the start for each new row, a long record kept the process busy that every run's door is in.
          for await (const { rows, endByte } of readBlocks(path, atByte)) {
            for (const row of rows) {
              if (row.seq <= seen) continue;
              seen = row.seq;
              yield row;
            }
            atByte = endByte;
          }
        } else if (finished) return;
        else await Promise.race([next, gone]);
      }
    },
    rows: () => readRows(path),
    remove: () => rmSync(path, { force: true }),
  };
}

/**
 * Begins a run's record where none is, so that a gateway goes on counting and chaining after `rows`, which the App has. Each with the digest
 * that a gateway gave it. Answers the file, or undefined where there was nothing to write.
 */
export function beginSpool(folder: string, run: RunId, rows: readonly EvidenceRow[]): string | undefined {
  const path = fileOf(folder, run);
  if (rows.length === 0 || existsSync(path)) return undefined;
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""), { mode: 0o600, flag: "wx" });
  return path;
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
function repair(path: string, run: RunId): { seq: number; digest: string; carried: Carried } {
  if (!existsSync(path)) {
    appendFileSync(path, "", { mode: 0o600 });
    return { seq: 0, digest: firstDigest(run), carried: new Map() };
  }
  const text = readFileSync(path, "utf8");
  if (text !== "" && !text.endsWith("\n")) appendFileSync(path, "\n");
  const lines = text.split("\n");
  const start = parseStart(lines[0] ?? "");
  const first = start ?? { seq: 0, digest: firstDigest(run) };
  const rows = lines.flatMap((line) => parseRow(line) ?? []);
  const carried: Carried = new Map(start && [["connect", start.carried]]);
  for (const row of rows) carry(carried, row);
  const last = rows.at(-1);
  return { seq: last?.seq ?? first.seq, digest: last?.digest ?? first.digest, carried };
}

type Carried = Map<EvidenceRow["door"], { bytesIn: number; bytesOut: number }>;
const nothingCarried = { bytesIn: 0, bytesOut: 0 };

function carry(carried: Carried, { door, bytesIn, bytesOut }: Pick<EvidenceRow, "door" | "bytesIn" | "bytesOut">): void {
  const before = carried.get(door) ?? nothingCarried;
  carried.set(door, { bytesIn: before.bytesIn + bytesIn, bytesOut: before.bytesOut + bytesOut });
}

/** The rows of whole lines from a byte on, and where the next ones begin. */
async function* readBlocks(path: string, startByte: number): AsyncGenerator<{ rows: EvidenceRow[]; endByte: number }> {
  const lines = splitLines();
  for await (const chunk of createReadStream(path, { start: startByte }) as AsyncIterable<Buffer>) {
    const rows = lines.push(chunk).flatMap((line) => parseRow(line) ?? []);
    yield { rows, endByte: startByte + lines.takenBytes() };
  }
}

async function* readRows(path: string): AsyncGenerator<EvidenceRow> {
  for await (const line of readLines(createReadStream(path))) {
    const row = parseRow(line);
    if (row) yield row;
  }
}

function parseRow(line: string): EvidenceRow | undefined {
  const row = parseLine(line);
  return row && "seq" in row ? row : undefined;
}

function parseStart(line: string): RecordStart | undefined {
  const head = parseLine(line);
  return head && "start" in head ? head.start : undefined;
}

function parseLine(line: string): EvidenceRow | { start: RecordStart } | undefined {
  try {
    return JSON.parse(line) as EvidenceRow | { start: RecordStart };
  } catch {
    return undefined;
  }
}
