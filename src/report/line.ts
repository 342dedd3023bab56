import type { Kysely } from "kysely";
import type { Full } from "../run/full.ts";
import { listMachines } from "../store/queries/machines.ts";
import { findPause } from "../store/queries/pauses.ts";
import type { RunRow } from "../store/queries/runs.ts";
import { type LineWish, linePosition } from "../store/queries/slots.ts";
import type { Schema } from "../store/schema.ts";

/** How it stands with a run that waits: for a place, or for a machine. */
export interface Line {
  /** From 1; 0 when the run does not wait. */
  position: number;
  /** Who has paused its repository, or everything. */
  pausedBy?: string;
  /** No machine has what its repository asks for. */
  lacking?: readonly string[];
  /** The machine's disk has reached its bound. */
  full?: Full;
  /** The machine that alone has a held run's work, where nobody has heard of it lately. */
  silent?: { machine: string; seenAtMs?: number };
}

export interface LineParts {
  db: Kysely<Schema>;
  disk: { full(): Full | undefined };
  line: Pick<LineWish, "priorityOf">;
  nowMs(): number;
}

export async function readLine({ db, disk, line, nowMs }: LineParts, run: RunRow): Promise<Line> {
  if (run.state.at === "held") return { position: 0, ...(await findSilent({ db, nowMs }, run)) };
  if (run.state.at !== "queued") return { position: 0 };
  const { needs } = run.state.pins;
  const [position, paused, machines] = await Promise.all([
    linePosition(db, { run: run.id, priorityOf: line.priorityOf, nowMs: nowMs() }),
    findPause(db, run.request.repositoryId),
    needs ? listMachines(db) : [],
  ]);
  const fitting = !needs || machines.some(({ labels }) => needs.every((label) => labels.includes(label)));
  const full = disk.full();
  return {
    position,
    ...(paused && { pausedBy: paused.by }),
    ...(!fitting && needs && { lacking: needs }),
    ...(full && { full }),
  };
}

/** Some heartbeats long: a machine that only restarts is not called away. */
const silentMs = 60_000;

async function findSilent({ db, nowMs }: Pick<LineParts, "db" | "nowMs">, { machine }: RunRow): Promise<Pick<Line, "silent">> {
  if (machine === undefined) return {};
  const seenAtMs = (await listMachines(db)).find((each) => each.machine === machine)?.seenAtMs;
  if (seenAtMs !== undefined && nowMs() - seenAtMs < silentMs) return {};
  return { silent: { machine, ...(seenAtMs !== undefined && { seenAtMs }) } };
}
