import type { Kysely } from "kysely";
import type { Fact } from "../run/fact.ts";
import type { Reason } from "../run/outcome.ts";
import type { Held } from "../run/state.ts";
import { commandsOf } from "../store/queries/commands.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";
import { type CiParts, findCiReasons } from "./ci/reasons.ts";

export interface ReleaseParts extends CiParts {
  db: Kysely<Schema>;
  publishing: CiParts["publishing"] & { holdMs: number };
  nowMs(): number;
}

/**
 * A person's word, days after the work was shown: what is pushed is still exactly that, but what CI would do with it may have changed by
 * then. Where it would do more than the person could read, the word was about something else, and another is asked for.
 */
export async function releaseWork(
  parts: ReleaseParts,
  run: RunRow,
  held: Held,
  by: string,
  askGate: typeof findCiReasons = findCiReasons,
): Promise<Fact> {
  const { pins, stand, rebuilt } = held;
  const changed = await listChanged(parts, run, held);
  const now = await askGate(parts, run, { pins, branch: stand.branch, commit: rebuilt, changed });
  const unseen = findUnseen(held.why, now);
  if (unseen.length > 0) {
    // Counted when the gate has answered: a word that came meanwhile is by somebody who has not seen its answer either.
    const heard = (await commandsOf(parts.db, run.id)).length;
    const why = [...unseen, ...held.why].slice(0, 100);
    return { is: "held-again", by, why, heard, untilMs: parts.nowMs() + parts.publishing.holdMs };
  }
  return { is: "released", by, ...(now.length > 0 && { despite: now.map(({ words }) => words).slice(0, 5) }) };
}

/** ◆ The reasons that nobody has been shown. */
export function findUnseen(shown: readonly Reason[], now: readonly Reason[]): Reason[] {
  return now.filter(({ words }) => !shown.some((each) => each.words === words));
}

async function listChanged(parts: ReleaseParts, run: RunRow, { pins, rebuilt }: Held): Promise<string[]> {
  const args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", pins.baseSha, rebuilt];
  const output = await parts.git.git({ run: run.id }, args);
  if (output.exitCode !== 0) throw new Error(`git diff-tree failed in the run's repository: ${output.stderr.slice(0, 200)}`);
  return output.stdout
    .toString("utf8")
    .split("\0")
    .filter((path) => path !== "");
}
