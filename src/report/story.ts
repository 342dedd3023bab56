import type { SandboxCheck } from "../run/check.ts";
import type { EvidenceRow } from "../run/evidence.ts";
import { type Exposure, type MovedRef, printExposure } from "../run/exposure.ts";
import type { Fact } from "../run/fact.ts";
import type { Isolation } from "../run/isolation.ts";
import { factsOf } from "../store/queries/facts.ts";
import { type GrantRow, grantsOf } from "../store/queries/grants.ts";
import { findPapers } from "../store/queries/papers.ts";
import { evidenceOf } from "../store/queries/record.ts";
import type { RunRow } from "../store/queries/runs.ts";
import { sumUsage, type UsageTotal } from "./cost.ts";
import { limitNotes } from "./limit-words.ts";
import { type Line, type LineParts, readLine } from "./line.ts";
import { promptNotes } from "./prompt-words.ts";

/** All that there is to tell of a run, read at one moment: for the check run, the comment, the pull request and the page alike. */
export interface Story extends Line {
  run: RunRow;
  facts: { atMs: number; fact: Fact }[];
  /** Of its sandbox; undefined until it is given a place for one. */
  mode: "sealed" | "firewalled" | undefined;
  checks: SandboxCheck[];
  /** What kept it apart; undefined until it was made, and in runs of earlier versions. */
  isolation: Isolation | undefined;
  evidence: EvidenceRow[];
  usage: UsageTotal;
  grants: GrantRow[];
  patch?: string;
  answer?: string;
  /** What is worth a look: in the text that the agent was given, and what the inspection found. */
  notes: string[];
  /** What its limits had to do with it. */
  limitNotes: string[];
  /** Of a firewalled run: what its token opened, and what moved meanwhile. */
  exposureNotes: string[];
  /** What GitHub refused to be told so far. */
  untold: string[];
  startedAtMs?: number;
  agentEndedAtMs?: number;
  endedAtMs?: number;
  /** What was removed since, after it had been kept for as long as the operator wants. */
  forgotten?: string;
}

const paperKinds = ["patch", "answer", "inspection", "exposure", "moved", "forgotten"] as const;

export async function readStory(parts: LineParts, run: RunRow): Promise<Story> {
  const { db } = parts;
  const [line, facts, evidence, grants, papers] = await Promise.all([
    readLine(parts, run),
    factsOf(db, run.id),
    evidenceOf(db, run.id),
    grantsOf(db, run.id),
    findPapers(db, run.id, paperKinds),
  ]);
  const { patch, answer, inspection, exposure, moved, forgotten } = papers;
  const startedAtMs = facts.find(({ fact }) => fact.is === "launched")?.atMs;
  const agentEndedAtMs = facts.find(({ fact }) => fact.is === "agent-ended" || fact.is === "stopped")?.atMs;
  const endedAtMs = facts.find(({ fact }) => fact.is === "closed")?.atMs;
  return {
    run,
    ...line,
    facts,
    mode: modeOf(facts),
    checks: facts.flatMap(({ fact }) => (fact.is === "sealed" || fact.is === "not-sealed" ? fact.checks : [])),
    isolation: isolationOf(facts),
    evidence,
    usage: sumUsage(evidence.flatMap((row) => row.usage ?? [])),
    grants,
    limitNotes: limitNotes(facts),
    untold: facts.flatMap(({ fact }) => (fact.is === "announced" || fact.is === "closed" ? (fact.untold ?? []) : [])),
    exposureNotes: exposureNotes(exposure, moved, agentEndedAtMs !== undefined || endedAtMs !== undefined),
    notes: [...promptNotes(facts), ...(inspection ? (JSON.parse(inspection) as string[]) : [])],
    ...(patch !== undefined && { patch }),
    ...(answer !== undefined && { answer }),
    ...(startedAtMs !== undefined && { startedAtMs }),
    ...(agentEndedAtMs !== undefined && { agentEndedAtMs }),
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(forgotten !== undefined && { forgotten }),
  };
}

function isolationOf(facts: Story["facts"]): Isolation | undefined {
  const verified = facts.findLast(({ fact }) => fact.is === "sealed" || fact.is === "not-sealed")?.fact;
  return verified?.is === "sealed" || verified?.is === "not-sealed" ? verified.isolation : undefined;
}

function exposureNotes(exposure: string | undefined, moved: string | undefined, ended: boolean): string[] {
  if (exposure === undefined) return [];
  return printExposure(
    JSON.parse(exposure) as Exposure,
    moved === undefined ? undefined : (JSON.parse(moved) as MovedRef[]),
    ended,
  );
}

/** As it was given to the run, not as the settings are by now. */
function modeOf(facts: Story["facts"]): Story["mode"] {
  const taken = facts.findLast(({ fact }) => fact.is === "slot-taken")?.fact;
  return taken?.is === "slot-taken" ? (taken.slot.mode ?? "sealed") : undefined;
}
