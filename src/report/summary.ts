import type { SandboxCheck } from "../run/check.ts";
import type { EvidenceRow } from "../run/evidence.ts";
import { type Isolation, printIsolation } from "../run/isolation.ts";
import type { Reason } from "../run/outcome.ts";
import { printCode, printDoors, printRefused, printSentence } from "./evidence-words.ts";
import { type Held, printHeld } from "./held-words.ts";
import { printInert } from "./inert.ts";
import { cutText, printPlain } from "./plain.ts";
import { printCost, printCount, printNumberOf, printSpan } from "./words.ts";

/** What GitHub is told of a run. Nothing here is Markdown yet but `answer`. */
export interface Summary {
  subject: { kind: "issue" | "pull"; number: number; title: string };
  /** Absent until there is a place for its sandbox. */
  mode?: "sealed" | "firewalled";
  /** One sentence: how it stands, the place in the queue included. */
  words: string;
  outcome?: string;
  reason?: Reason;
  /** Of the agent's work; absent until it started. */
  spanMs?: number;
  usage: {
    turns: number;
    inputTokens: number;
    outputTokens: number;
    cacheReadTokens: number;
    cacheWriteTokens: number;
    costUsd?: number;
  };
  evidence: readonly EvidenceRow[];
  checks: readonly SandboxCheck[];
  /** What kept the sandbox apart; absent until it was made. */
  isolation?: Isolation;
  grants: readonly { duty: string; expiresAtMs: number; revokedAtMs?: number; lost?: boolean }[];
  /** What the inspection found worth a look. */
  notes: readonly string[];
  /** What its limits had to do with it, a sentence each. */
  limitNotes?: readonly string[];
  /** Of a firewalled run: what the token inside opened, and what moved on GitHub meanwhile, a sentence each. */
  exposureNotes?: readonly string[];
  /** What GitHub refused to be told elsewhere, a sentence each. */
  untold?: readonly string[];
  held?: Held;
  pullRequest?: { number: number; url: string };
  pageUrl: string;
  /** The agent's last words as Markdown that has been made inert already: no HTML, mention, reference or remote image. */
  answer?: string;
  nowMs: number;
}

/** GitHub's own limits: title 255, summary 65,535 characters. */
export function printCheckOutput(summary: Summary): { title: string; summary: string } {
  const span = summary.spanMs === undefined ? "" : ` (${printSpan(summary.spanMs)})`;
  return {
    title: cutText(printPlain(summary.words).replace(/\.$/, "") + span, 255),
    summary: join([
      printReason(summary),
      summary.held ? printHeld(summary.held) : "",
      `[Follow the run](${summary.pageUrl})`,
      section("What could not be told", printUntold(summary)),
      printFigures(summary),
      section("What its limits did", printLimits(summary)),
      section("What the token inside opened", printExposed(summary)),
      section("What the agent says", printAnswer(summary)),
      section("What the inspection noticed", printNotes(summary)),
      section("Requests that were refused", printRefused(summary.evidence)),
      section("Sandbox checks that failed", printFailed(summary)),
      section("Known holes of what keeps the sandbox", printEscapes(summary)),
    ]),
  };
}

/** The one comment of the run, edited in place: short, and nobody is called by it. The marker is put before it by `ensureComment`. */
export function printComment(summary: Summary): string {
  const said = summary.outcome === undefined || summary.pullRequest ? "" : printAnswer(summary);
  return join([
    `**${printPlain(summary.words)}**`,
    printReason(summary),
    summary.pullRequest && summary.outcome === "succeeded" ? `The work is in #${summary.pullRequest.number}.` : "",
    summary.held ? printHeld(summary.held) : "",
    printLimits(summary),
    summary.outcome === undefined ? "" : printShort(summary),
    section("What the agent says", said),
    `[Follow the run](${summary.pageUrl})${summary.outcome === undefined && !summary.held ? " · `/agent stop` ends it." : ""}`,
  ]);
}

/** For a pull request that Airlock opens. GitHub takes titles up to 256 characters, bodies up to 65,536. */
export function printPullRequest(summary: Summary): { title: string; body: string } {
  return {
    // It may end in a squashed commit, where closing words work.
    title: cutText(printInert(summary.subject.title).replaceAll(/\s+/g, " ").trim() || `Work on #${summary.subject.number}`, 250),
    body: join([
      summary.subject.kind === "issue" ? `Closes #${summary.subject.number}` : "",
      section("What was done", printAnswer(summary) || "The agent said nothing about it. The commits show what it did."),
      section("What to look at", printNotes(summary)),
      section(
        "How it was made",
        join([printFigures(summary), printLimits(summary), printExposed(summary), printRefused(summary.evidence)]),
      ),
      `An agent wrote this, and nobody has reviewed it yet. [The run's page](${summary.pageUrl}) has the transcript and every request.`,
    ]),
  };
}

const sandboxWords = {
  sealed: "sealed: no network, no secret inside",
  firewalled: "firewalled: GitHub's addresses only, one short-lived token inside",
};

function printFigures(summary: Summary): string {
  const { usage, checks, grants } = summary;
  const tokens = `${printCount(usage.inputTokens)} in, ${printCount(usage.outputTokens)} out, ${printCount(usage.cacheReadTokens + usage.cacheWriteTokens)} cached`;
  const live = grants.filter((grant) => grant.revokedAtMs === undefined && grant.expiresAtMs > summary.nowMs);
  const passed = checks.filter((check) => check.ok).length;
  const digest = summary.evidence.at(-1)?.digest;
  const rows = [
    ["Sandbox", summary.mode === undefined ? "not made yet" : sandboxWords[summary.mode]],
    ...(summary.isolation ? [["Kept apart by", printCode(printIsolation(summary.isolation), 200)]] : []),
    [
      "Checked before the start",
      checks.length === 0 ? "not yet" : `${passed} of ${printNumberOf(checks.length, "check")} passed`,
    ],
    ["Agent's time", summary.spanMs === undefined ? "not started" : printSpan(summary.spanMs)],
    ["Model", `${printNumberOf(usage.turns, "turn")}, ${tokens}, ${printCost(usage.costUsd)}`],
    ["Requests", printDoors(summary.evidence)],
    ...(digest ? [["Last digest of the record", `\`${digest}\``]] : []),
    [
      "Tokens for GitHub",
      `${printCount(grants.length)} minted, ${printCount(grants.filter((grant) => grant.revokedAtMs !== undefined).length)} revoked, ${printCount(live.length)} live${live.length > 0 ? " (revoked when the run ends)" : ""}`,
    ],
  ];
  return ["| | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n");
}

function printShort(summary: Summary): string {
  const refused = summary.evidence.reduce((sum, row) => sum + (row.verdict === "refused" ? (row.times ?? 1) : 0), 0);
  const parts = [
    ...(summary.spanMs === undefined ? [] : [printSpan(summary.spanMs)]),
    printNumberOf(summary.usage.turns, "turn"),
    printCost(summary.usage.costUsd),
    `${printNumberOf(refused, "request")} refused`,
  ];
  return `${parts.join(" · ")}.`;
}

function printReason({ reason }: Summary): string {
  if (!reason) return "";
  return `Why: ${printSentence(reason.words, 600)}${reason.remedy ? `\n\nWhat to do: ${printSentence(reason.remedy, 600)}` : ""}`;
}

function printNotes({ notes }: Summary): string {
  const more = notes.length > 20 ? [`- and ${printCount(notes.length - 20)} more`] : [];
  return [...notes.slice(0, 20).map((note) => `- ${printCode(note, 200)}`), ...more].join("\n");
}

function printLimits({ limitNotes = [] }: Summary): string {
  return limitNotes.map((note) => `- ${printSentence(note, 400)}`).join("\n");
}

function printUntold({ untold = [] }: Summary): string {
  return untold.map((note) => `- ${printSentence(note, 400)}`).join("\n");
}

function printEscapes({ isolation }: Summary): string {
  return (isolation?.escapes ?? []).map((hole) => `- ${printSentence(hole, 400)}`).join("\n");
}

function printExposed({ exposureNotes = [] }: Summary): string {
  return exposureNotes.map((note) => `- ${printSentence(note, 400)}`).join("\n");
}

function printFailed({ checks }: Summary): string {
  const failed = checks.filter((check) => !check.ok).slice(0, 30);
  return failed.map((check) => `- ${printCode(check.name, 80)} (${check.side}): ${printCode(check.seen, 200)}`).join("\n");
}

/** Three bytes a unit at worst: 36,000 bytes, which leaves room for the rest below GitHub's 65,535. */
const answerLimitChars = 12_000;

function printAnswer({ answer }: Summary): string {
  const text = cutText(answer?.trim() ?? "", answerLimitChars);
  // A fence that was cut, or that the agent left open, would swallow what follows.
  const fence = findOpenFence(text);
  const whole = fence ? `${text}\n${fence}` : text;
  // Quoted line by line: a heading of the agent's own must not pass for the report's.
  return whole === "" ? "" : whole.replaceAll(/^/gm, "> ");
}

/** CommonMark: a fence is closed by at least as many of the same character, alone on its line. */
function findOpenFence(text: string): string | undefined {
  let open: string | undefined;
  for (const line of text.split("\n")) {
    const [, mark = "", rest = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (!mark) continue;
    if (open === undefined) {
      if (!(mark.startsWith("`") && rest.includes("`"))) open = mark;
    } else if (mark.startsWith(open) && rest.trim() === "") open = undefined;
  }
  return open;
}

function section(head: string, body: string): string {
  return body ? `### ${head}\n\n${body}` : "";
}

function join(parts: string[]): string {
  return parts.filter(Boolean).join("\n\n");
}
