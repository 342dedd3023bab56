import type { SandboxCheck } from "../run/check.ts";
import type { EvidenceRow } from "../run/evidence.ts";
import type { RunId } from "../run/identity.ts";
import type { Isolation } from "../run/isolation.ts";
import type { ChainHead } from "../secret/chain.ts";

/** What a page shows of one run. Read from the store at one moment; text in it may be hostile and is escaped only when shown. */
export interface RunView {
  id: RunId;
  /** 32 lower-case hex digits (128 random bits): who holds it may read the run's page. */
  pageKey: string;
  repository: { owner: string; name: string; url: string };
  subject: { kind: "issue" | "pull"; number: number; title: string; url: string };
  requester: { login: string };
  /** What started it, in words: "the label agent", "the comment /agent fix". */
  trigger: string;
  createdAtMs: number;
  state: RunViewState;
  /** What its limits had to do with it, a sentence each. */
  limitNotes?: string[];
  /** "transcript", "transcript and record": removed after their time. */
  forgotten?: string;
  /** Of a firewalled run: what the token inside opened, and what moved on GitHub meanwhile. */
  exposureNotes?: string[];
  /** When the agent was launched. */
  startedAtMs?: number;
  endedAtMs?: number;
  timeline: TimelineEntry[];
  checks: SandboxCheck[];
  /** What kept the sandbox apart; absent until it was made. */
  isolation?: Isolation;
  /** Absent until there is a place for its sandbox. */
  mode?: "sealed" | "firewalled";
  evidence: EvidenceView;
  grants: GrantView[];
  usage: UsageView;
  /** Seq of the newest transcript entry; 0 where there is none. The page opens at its end. */
  lastSeq: number;
  /** Only while it waits for a person's word. `sha`: the commit that would be pushed. */
  held?: { why: string[]; sha: string; untilMs: number };
  pullRequest?: { number: number; url: string };
  checkRun?: { id: number; url: string };
  branch?: string;
  /** Unified diff as git prints it: what was inspected, and would be or was pushed. */
  patch?: string;
  /** The agent's last words, Markdown. */
  answer?: string;
}

export interface RunViewState {
  /** "queued", "preparing", "working", "held", "ended" … An unknown word is shown without a colour of its own. */
  at: string;
  /** One short sentence: "Claude Code is working". */
  words: string;
  /** One sentence on what happens next; the page has its own for the states it knows. */
  next?: string;
  /** "succeeded", "no_changes", "refused", "failed", "timed_out", "cancelled", "over_budget"; only when ended. */
  outcome?: string;
  reason?: string;
}

export interface TimelineEntry {
  atMs: number;
  words: string;
  detail?: string;
}

/** `rows`: at most 500, so that a page stays small: refused ones first in what is kept, then the newest. The counts are of all. */
export interface EvidenceView {
  /** Of the newest row: the end of the chain. */
  digest?: string;
  allowed: number;
  refused: number;
  rows: EvidenceRow[];
}

export interface GrantView {
  duty: string;
  permissions: Record<string, string>;
  mintedAtMs: number;
  expiresAtMs: number;
  revokedAtMs?: number;
  /** The answer to the mint never came: the token may exist until it expires. */
  lost?: boolean;
}

export interface UsageView {
  turns: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  /** Absent: the price of the model is unknown. */
  costUsd?: number;
}

/** One thing that the agent said or did. `seq` counts from 1 within the run and never goes back. */
export interface TranscriptEntry {
  seq: number;
  id: string;
  atMs: number;
  kind: "note" | "say" | "think" | "tool" | "tool-result" | "end" | "unknown";
  text: string;
  /** Name of the tool, for "tool" and "tool-result". */
  tool?: string;
}

/** How pages and the local socket read. Every method may throw Fault "store.*". */
export interface Reader {
  /** `key`: 32 lower-case hex digits, matched exactly. */
  findRun(key: string): Promise<RunView | undefined>;
  findById(id: RunId): Promise<RunView | undefined>;
  /** Newest first. */
  listRuns(limit: number): Promise<RunView[]>;
  /** Entries with `seq` above `afterSeq`, in order, at most `limit`. */
  transcript(run: RunId, afterSeq: number, limit: number): Promise<TranscriptEntry[]>;
  /** Every row of the run's record, in order, and what was noted as its end when the door was shut. */
  evidence(run: RunId): Promise<{ rows: EvidenceRow[]; head?: ChainHead }>;
  /** Ticks whenever anything of the run changed; ticks while nobody waits are kept as one. Ends when `signal` aborts. */
  changes(run: RunId, signal: AbortSignal): AsyncIterable<void>;
}

/** Commands are filed as rows; the reconciler carries them out. */
export interface Filer {
  cancel(run: RunId, by: { kind: "operator" | "page"; name: string }): Promise<"filed" | "ended" | "unknown">;
  /** An operator's word on a held run. `sha`: the commit that was shown, or undefined where the one that is held is meant. */
  decide(
    run: RunId,
    word: { kind: "publish" | "discard"; by: string; sha: string | undefined },
  ): Promise<{ is: "filed"; sha: string } | { is: "unknown" } | { is: "not-held" } | { is: "other-commit"; held: string }>;
}

/** `ok: false` answers 503, so that a load balancer turns elsewhere. Other members are printed as they are: no secrets. */
export interface Health {
  ok: boolean;
  [fact: string]: string | number | boolean;
}

/** Shape of a page's key. Anything else is a 404 without asking the store. */
export function parsePageKey(text: unknown): string | undefined {
  return typeof text === "string" && /^[0-9a-f]{32}$/.test(text) ? text : undefined;
}
