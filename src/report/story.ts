import type { Kysely } from "kysely";
import type { SandboxCheck } from "../run/check.ts";
import type { EvidenceRow } from "../run/evidence.ts";
import type { Fact } from "../run/fact.ts";
import { factsOf } from "../store/queries/facts.ts";
import { type GrantRow, grantsOf } from "../store/queries/grants.ts";
import { findPaper } from "../store/queries/papers.ts";
import { evidenceOf } from "../store/queries/record.ts";
import { queuePosition, type RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";
import { sumUsage, type UsageTotal } from "./cost.ts";
import { limitNotes } from "./limit-words.ts";

/** All that there is to tell of a run, read at one moment: for the check run, the comment, the pull request and the page alike. */
export interface Story {
  run: RunRow;
  /** Place in the queue, from 1; 0 when the run does not wait. */
  position: number;
  facts: { atMs: number; fact: Fact }[];
  /** Of its sandbox; undefined until it is given a place for one. */
  mode: "sealed" | "firewalled" | undefined;
  checks: SandboxCheck[];
  evidence: EvidenceRow[];
  usage: UsageTotal;
  grants: GrantRow[];
  patch?: string;
  answer?: string;
  /** What the inspection found worth a look: symbolic links, submodules. */
  notes: string[];
  /** What its limits had to do with it. */
  limitNotes: string[];
  startedAtMs?: number;
  agentEndedAtMs?: number;
  endedAtMs?: number;
}

export async function readStory(db: Kysely<Schema>, run: RunRow): Promise<Story> {
  const [position, facts, evidence, grants, patch, answer, inspection] = await Promise.all([
    queuePosition(db, run),
    factsOf(db, run.id),
    evidenceOf(db, run.id),
    grantsOf(db, run.id),
    findPaper(db, run.id, "patch"),
    findPaper(db, run.id, "answer"),
    findPaper(db, run.id, "inspection"),
  ]);
  const startedAtMs = facts.find(({ fact }) => fact.is === "launched")?.atMs;
  const agentEndedAtMs = facts.find(({ fact }) => fact.is === "agent-ended" || fact.is === "stopped")?.atMs;
  const endedAtMs = facts.find(({ fact }) => fact.is === "closed")?.atMs;
  return {
    run,
    position,
    facts,
    mode: modeOf(facts),
    checks: facts.flatMap(({ fact }) => (fact.is === "sealed" || fact.is === "not-sealed" ? fact.checks : [])),
    evidence,
    usage: sumUsage(evidence.flatMap((row) => row.usage ?? [])),
    grants,
    limitNotes: limitNotes(facts),
    notes: inspection ? (JSON.parse(inspection) as string[]) : [],
    ...(patch !== undefined && { patch }),
    ...(answer !== undefined && { answer }),
    ...(startedAtMs !== undefined && { startedAtMs }),
    ...(agentEndedAtMs !== undefined && { agentEndedAtMs }),
    ...(endedAtMs !== undefined && { endedAtMs }),
  };
}

/** As it was given to the run, not as the settings are by now. */
function modeOf(facts: Story["facts"]): Story["mode"] {
  const taken = facts.findLast(({ fact }) => fact.is === "slot-taken")?.fact;
  return taken?.is === "slot-taken" ? (taken.slot.mode ?? "sealed") : undefined;
}
