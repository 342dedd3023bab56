import type { Fact } from "../run/fact.ts";
import { printUtc } from "../run/waiting.ts";
import { metWords } from "./limit-words.ts";
import { promptNotes } from "./prompt-words.ts";
import { printNumberOf } from "./words.ts";

/** A line of the run's timeline. */
export function factWords(fact: Fact): { words: string; detail?: string } {
  switch (fact.is) {
    case "pinned":
      return {
        words: "Authorised and pinned",
        detail: `${fact.pins.headBranch ?? fact.pins.targetBranch} at ${fact.pins.baseSha.slice(0, 12)}`,
      };
    case "refused":
      return { words: "Refused", detail: fact.reason.words };
    case "announced":
      return fact.untold
        ? { words: "Announced on GitHub", detail: [`Branch ${fact.stand.branch}, with a check run.`, ...fact.untold].join(" ") }
        : { words: "Announced on GitHub", detail: `check run, comment, branch ${fact.stand.branch}` };
    case "slot-taken":
      return { words: "A place is free", detail: `uid ${fact.slot.uid}` };
    case "prepared":
      return {
        words: "Repository and prompt are ready",
        ...detailOf([...promptNotes([{ fact }]).map((note) => `${note}.`), ...(fact.told ?? [])]),
      };
    case "sealed":
      return { words: "Sandbox verified", detail: printNumberOf(fact.checks.length, "check") };
    case "not-sealed":
      return { words: "Sandbox not sealed", detail: fact.failed.join(", ") };
    case "launched":
      return { words: "The agent started" };
    case "nudged":
      return {
        words: "The agent was spoken to",
        detail: fact.why === "loop" ? "it made the same call again and again" : "nothing was seen of it",
      };
    case "limit-met":
      return { words: "A limit was reached", detail: metWords[fact.limit].short };
    case "paused":
      if (fact.pause.why === "operator") return { words: "Paused", detail: `by ${fact.pause.by}` };
      if (fact.pause.why === "provider")
        return { words: "Parked: the model API's limit is reached", detail: `until ${printUtc(fact.pause.untilMs)}` };
      return {
        words: "The sandbox ended under the agent",
        ...(fact.pause.why === "lost" && {
          detail: fact.pause.oomKilled ? "out of memory" : `exit code ${fact.pause.exitCode}`,
        }),
      };
    case "sent-on":
      return { words: "Sent on", detail: `to a machine that is labelled ${fact.needs.join(", ")}` };
    case "moved":
      return { words: "Taken over by another machine", detail: "the one that it was on has not been heard of for too long" };
    case "put-away":
      return { words: "Sandbox put away", detail: "its place is free, tokens revoked; home, working tree and session are kept" };
    case "agent-ended":
      return { words: "The agent ended", detail: fact.oomKilled ? "out of memory" : `exit code ${fact.exitCode}` };
    case "stop-asked":
      return { words: "Asked to stop", ...(fact.ending.reason && { detail: fact.ending.reason.words }) };
    case "stopped":
      return { words: "The agent was stopped", detail: `exit code ${fact.exitCode}` };
    case "inspected":
      return {
        words: "Inspected and rebuilt",
        detail: `${printNumberOf(fact.commits, "commit")}, ${printNumberOf(fact.files, "file")}`,
      };
    case "held":
      return {
        words: "Inspected, rebuilt and held",
        detail: `${printNumberOf(fact.commits, "commit")}, ${printNumberOf(fact.files, "file")}, as ${fact.rebuilt.slice(0, 12)}`,
      };
    case "rested":
      return { words: "Waits for a person's word", detail: "sandbox removed, tokens revoked" };
    case "released":
      return { words: "Released", detail: [`by ${fact.by}`, ...(fact.despite ?? [])].join(": ") };
    case "held-again":
      return {
        words: "Held again: CI would do more with it than was shown",
        detail: `${fact.by} released it; ${printNumberOf(fact.why.length, "reason")} now`,
      };
    case "discarded":
      return { words: "Discarded", detail: `by ${fact.by}` };
    case "hold-expired":
      return { words: "Nobody released it in time" };
    case "nothing-made":
      return { words: "No commits were made" };
    case "work-refused":
      return { words: "The work was not published", detail: fact.reason.words };
    case "pushed":
      return { words: "Pushed", detail: fact.head.slice(0, 12) };
    case "presented":
      return { words: "Pull request", detail: `number ${fact.pullRequest.number}` };
    case "failed":
      return { words: "Failed", detail: fact.reason.words };
    case "recalled":
      return { words: "Had ended before", ...(fact.ending.reason && { detail: fact.ending.reason.words }) };
    case "closed":
      return { words: "Closed: sandbox removed, tokens revoked", ...detailOf(fact.untold ?? []) };
  }
}

function detailOf(sentences: readonly string[]): { detail?: string } {
  return sentences.length > 0 ? { detail: sentences.join(" ") } : {};
}
