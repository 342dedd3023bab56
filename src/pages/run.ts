import { html } from "hono/html";
import { printCount, printNumberOf } from "../report/words.ts";
import { showChangedFiles } from "./change.ts";
import type { DrawnChange } from "./drawn-changes.ts";
import { type Site, showLink, showPage } from "./layout.ts";
import { showMarkdown } from "./markdown.ts";
import type { Markup } from "./markup.ts";
import { printSubject, showChecks, showFacts, showGrants, showRequests, showState, showTimeline, type Verdict } from "./parts.ts";
import { printShortState } from "./state.ts";
import { showEntries } from "./transcript.ts";
import type { RunView, TranscriptEntry } from "./view.ts";
import { printLine } from "./visible.ts";

/** Entries of the transcript on one page; earlier and later ones are a link away. */
export const transcriptLimit = 300;

/** Hunk lines up to which the diff stands in the run's page itself. */
const inlineLimitLines = 300;

const refreshSeconds = 10;

export interface RunPage {
  view: RunView;
  site: Site;
  nowMs: number;
  verdict?: Verdict | undefined;
  /** The change, read and ready to be drawn; absent while there is none. */
  change?: DrawnChange | undefined;
}

/** Everything of the page that changes while the run goes on, but the transcript, which only grows. */
export const regions = {
  state: ({ view }: RunPage) => showState(view),
  facts: ({ view, nowMs }: RunPage) => showFacts(view, nowMs),
  answer: ({ view }: RunPage) =>
    view.answer ? html`<h2>The agent's answer</h2>${showMarkdown(view.answer, { repositoryUrl: view.repository.url })}` : html``,
  change: (page: RunPage) => showChangeRegion(page),
  timeline: ({ view }: RunPage) => showTimeline(view),
  checks: ({ view }: RunPage) => showChecks(view),
  requests: (page: RunPage) => showRequests(page.view, { path: printPath(page), verdict: page.verdict }),
  grants: ({ view, nowMs }: RunPage) => showGrants(view, nowMs),
};

/** `entries`: those after `afterSeq`. The page follows the run only where it shows the transcript's end. */
export function showRun(page: RunPage, transcript: { entries: TranscriptEntry[]; afterSeq: number }): Markup {
  const { view } = page;
  const live = view.state.at !== "ended";
  const last = transcript.entries.at(-1)?.seq ?? transcript.afterSeq;
  const follows = live && transcript.entries.length < transcriptLimit;
  const query = page.verdict ? `&verdict=${page.verdict}` : "";
  return showPage({
    site: page.site,
    title: `${printShortState(view.state)} · ${printSubject(view)} · Airlock`,
    ...(live ? { refreshSeconds } : {}),
    body: html`<div class="run"${follows ? html` data-live="${printPath(page)}/live?after=${last}${query}"` : ""}>
<div class="title"><p class="where">${showLink(view.repository.url, printLine(`${view.repository.owner}/${view.repository.name}`))} ·
${showLink(view.subject.url, `${view.subject.kind === "issue" ? "issue" : "pull request"} #${view.subject.number}`)}</p>
<h1>${printLine(view.subject.title)}</h1></div>
${region(page, "state")}
<nav class="contents" aria-label="On this page"><ul><li><a href="#transcript">Transcript</a></li><li><a href="#change">Change</a></li>
<li><a href="#checks">Sandbox</a></li><li><a href="#requests">Requests</a></li><li><a href="#grants">Tokens</a></li></ul></nav>
<div class="columns">
<aside aria-label="About this run"><section class="card"><h2>This run</h2>${region(page, "facts")}</section>
<section class="card"><h2>Timeline</h2>${region(page, "timeline")}</section></aside>
<div class="flow"><section class="card" data-answer>${region(page, "answer")}</section>
<section class="card" id="transcript"><div class="head"><h2>Transcript</h2>${live ? html`<p class="line" id="line" role="status">${follows ? "" : "Earlier part"}</p>` : ""}</div>
${showTranscript(page, transcript)}</section>
<section class="card" id="change"><h2>Change</h2>${region(page, "change")}</section></div></div>
<section class="card" id="checks"><h2>Sandbox checks</h2>${region(page, "checks")}</section>
<section class="card" id="requests"><h2>Requests to the gateway</h2>${region(page, "requests")}</section>
<section class="card" id="grants"><h2>Tokens</h2>${region(page, "grants")}</section></div>`,
  });
}

/** The whole change on a page of its own. */
export function showChangePage(page: RunPage): Markup {
  const { view, change } = page;
  return showPage({
    site: page.site,
    title: `Change · ${printSubject(view)} · Airlock`,
    body: html`<div class="run"><div class="title"><p class="where"><a href="${printPath(page)}">Back to the run</a></p><h1>Change for ${printSubject(view)}</h1></div>
${
  change
    ? html`<section class="card"><h2>Files</h2>${showSummary(page, change, true)}${showChangedFiles(change.change, { limit: 200 })}</section>
<section class="card"><h2>Lines</h2>${change.draw()}</section>`
    : html`<section class="card"><p class="quiet">There is no change yet.</p></section>`
}</div>`,
  });
}

function showTranscript(page: RunPage, transcript: { entries: TranscriptEntry[]; afterSeq: number }): Markup {
  const { entries, afterSeq } = transcript;
  const path = printPath(page);
  const last = entries.at(-1)?.seq ?? afterSeq;
  const more = entries.length >= transcriptLimit && last < page.view.lastSeq;
  return html`${
    afterSeq > 0
      ? html`<p><a href="${path}?after=${Math.max(0, afterSeq - transcriptLimit)}#transcript">Earlier entries</a></p>`
      : ""
  }<div class="log" role="region" aria-label="Transcript" tabindex="0"><ol id="entries" role="log">${showEntries(entries, {
    repositoryUrl: page.view.repository.url,
  })}</ol>${entries.length === 0 ? html`<p class="quiet none">The agent has not said anything yet.</p>` : ""}</div>${
    more ? html`<p><a href="${path}?after=${last}#transcript">Later entries</a></p>` : ""
  }`;
}

function showChangeRegion(page: RunPage): Markup {
  const { change } = page;
  if (!change)
    return html`<p class="quiet">${page.view.state.at === "ended" ? "This run changed nothing." : "Nothing has come out of the sandbox yet."}</p>`;
  const { shownLines, leftOutLines, files } = change.change;
  const inline = shownLines + leftOutLines <= inlineLimitLines && files.length <= 50;
  return html`${showSummary(page, change)}${showChangedFiles(change.change, { limit: 20 })}${inline ? change.draw() : ""}`;
}

/** `alone`: on the page that is the whole diff already. */
function showSummary(page: RunPage, { change }: DrawnChange, alone = false): Markup {
  const added = change.files.reduce((sum, file) => sum + file.addedLines, 0);
  const deleted = change.files.reduce((sum, file) => sum + file.deletedLines, 0);
  return html`<p>${printNumberOf(change.files.length, "file")} changed, <span class="plus">${printCount(added)} added</span>,
<span class="minus">${printCount(deleted)} removed</span>. ${alone ? "" : html`<a href="${printPath(page)}/diff">Whole diff</a> · `}<a href="${printPath(page)}/patch" download>Patch file</a></p>`;
}

function region(page: RunPage, name: keyof typeof regions): Markup {
  return html`<div class="region" id="region-${name}">${regions[name](page)}</div>`;
}

function printPath(page: RunPage): string {
  return `${page.site.prefix}/runs/${page.view.pageKey}`;
}
