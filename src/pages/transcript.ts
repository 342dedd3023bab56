import { html } from "hono/html";
import { printClock, printCount, printNumberOf } from "../report/words.ts";
import { showMarkdown } from "./markdown.ts";
import type { Markup } from "./markup.ts";
import type { TranscriptEntry } from "./view.ts";
import { cutText, printCalm } from "./visible.ts";

/** UTF-16 units of one entry that are shown, and of one page in all: a hostile agent must not make a page that no browser opens. */
const entryLimitChars = 16_000;
const pageLimitChars = 512_000;
const briefLimitChars = 400;

/** Lines of a tool's input or output that are shown without unfolding. */
const openLines = 8;

export function showEntries(entries: TranscriptEntry[], options: { repositoryUrl: string }): Markup[] {
  let spentChars = 0;
  return entries.map((entry) => {
    const limitChars = spentChars < pageLimitChars ? entryLimitChars : briefLimitChars;
    spentChars += Math.min(entry.text.length, limitChars);
    return showEntry(entry, { ...options, limitChars });
  });
}

/** One list item. `limitChars` shortens it where many are shown together. */
export function showEntry(entry: TranscriptEntry, options: { repositoryUrl: string; limitChars?: number }): Markup {
  const at = html`<time datetime="${new Date(entry.atMs).toISOString()}">${printClock(entry.atMs)}</time>`;
  const label = entry.tool ? printCalm(cutText(entry.tool, 80).text) : undefined;
  const limitChars = options.limitChars ?? entryLimitChars;
  return html`<li class="entry ${entry.kind}" id="e${entry.seq}"><div class="when"><span class="who">${whoWords[entry.kind]}${
    label ? html` <b>${label}</b>` : ""
  }</span>${at}</div>${showBody(entry, { repositoryUrl: options.repositoryUrl, limitChars })}</li>`;
}

const whoWords: Record<TranscriptEntry["kind"], string> = {
  note: "Airlock",
  say: "Agent",
  think: "Thought",
  tool: "Tool",
  "tool-result": "Result",
  end: "End",
  unknown: "Other",
};

function showBody(entry: TranscriptEntry, options: { repositoryUrl: string; limitChars: number }): Markup {
  if (entry.kind === "say") return showMarkdown(entry.text, options);
  // Cut first, so that the work stays small however long a line is.
  const { text: kept, cutChars } = cutText(entry.text, options.limitChars);
  const text = printCalm(kept);
  const cut = cutChars ? html`<p class="cut">Cut here: ${printCount(cutChars)} more characters.</p>` : "";
  if (entry.kind === "note" || entry.kind === "end") return html`<p>${text}</p>${cut}`;
  const lines = text.split("\n").length;
  if (lines <= openLines && text.length <= 600) return html`<pre>${text}</pre>${cut}`;
  const first = cutText(text.trimStart().split("\n", 1)[0] ?? "", 100).text;
  return html`<details><summary><code>${first}</code> <span class="quiet">${printNumberOf(lines, "line")}</span></summary><pre>${text}</pre>${cut}</details>`;
}
