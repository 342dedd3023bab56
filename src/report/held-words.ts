import type { Reason } from "../run/outcome.ts";
import { printSentence } from "./evidence-words.ts";
import { printCount, printTime } from "./words.ts";

/** What is held, why, and until when. */
export interface Held {
  why: readonly Reason[];
  /** The rebuilt commit: this one is published, or none. */
  sha: string;
  untilMs: number;
}

const shownReasons = 20;

/** For check and comment: the reasons, and each way to decide. */
export function printHeld(held: Held): string {
  const more = held.why.length > shownReasons ? [`- and ${printCount(held.why.length - shownReasons)} more`] : [];
  const lines = held.why.slice(0, shownReasons).map((reason) => `- ${printSentence(reason.words, 500)}`);
  return [`### Why the work is held\n\n${[...lines, ...more].join("\n")}`, `### What releases it\n\n${printRelease(held)}`].join(
    "\n\n",
  );
}

function printRelease({ sha, untilMs }: Held): string {
  return [
    "Nothing has been pushed. Look at the diff on the run's page; then a person with write access decides:",
    "",
    `- \`/agent publish\` as a comment, or the button on the check, pushes exactly the commit \`${sha.slice(0, 12)}\` that the page shows`,
    "- `/agent discard` drops it; the patch stays on the page",
    "",
    `Without a word it is dropped on ${printTime(untilMs)}.`,
  ].join("\n");
}
