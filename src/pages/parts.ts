import { html } from "hono/html";
import { networkGrants } from "../report/network-words.ts";
import { printBytes, printClock, printCost, printCount, printNumberOf, printSpan, printTime } from "../report/words.ts";
import { printIsolation } from "../run/isolation.ts";
import { showLink } from "./layout.ts";
import type { Markup } from "./markup.ts";
import { decideTone, findNextWords, printShortState } from "./state.ts";
import type { RunView } from "./view.ts";
import { printLine } from "./visible.ts";

/** State in plain words, and what happens next. `nowMs` stands still at the run's end. */
export function showState(view: RunView): Markup {
  const { state } = view;
  const next = findNextWords(view);
  return html`<div class="state ${decideTone(state)}" data-title="${printShortState(state)} · ${printSubject(view)}"><p class="badge">${printShortState(state)}</p>
<p class="words">${printLine(state.words)}</p>${state.reason ? html`<p class="reason">${printLine(state.reason)}</p>` : ""}${
    view.limitNotes ? html`<ul class="held">${view.limitNotes.map((note) => html`<li>${printLine(note)}</li>`)}</ul>` : ""
  }${view.forgotten ? html`<p class="next">Removed after its time: ${printLine(view.forgotten)}.</p>` : ""}${
    next ? html`<p class="next">${printLine(next)}</p>` : ""
  }${view.held ? showHeld(view.held) : ""}${view.pullRequest ? html`<p class="act">${showLink(view.pullRequest.url, html`Open pull request #${view.pullRequest.number}`)}</p>` : ""}</div>`;
}

/** Why nothing was pushed, and how it is decided: the page only reads, so it says where the word is given. */
function showHeld(held: NonNullable<RunView["held"]>): Markup {
  return html`<ul class="held">${held.why.slice(0, 50).map((why) => html`<li>${printLine(why)}</li>`)}</ul>
<p class="next">Look at the <a href="#change">change</a>. A person with write access publishes exactly commit <code>${held.sha.slice(0, 12)}</code> with the comment
<code>/agent publish</code> or the check's button, or drops it with <code>/agent discard</code>. Without a word it is dropped on ${showTime(held.untilMs)}.</p>`;
}

export function showFacts(view: RunView, nowMs: number): Markup {
  const { usage } = view;
  const spanMs = view.startedAtMs === undefined ? undefined : (view.endedAtMs ?? nowMs) - view.startedAtMs;
  const ticking = view.endedAtMs === undefined && view.startedAtMs !== undefined;
  const cached = usage.cacheReadTokens + usage.cacheWriteTokens;
  return html`<dl class="facts">
<div><dt>Asked by</dt><dd>${printLine(view.requester.login)}, by ${printLine(view.trigger)}</dd></div>
<div><dt>Asked</dt><dd>${showTime(view.createdAtMs)}</dd></div>
<div><dt>Agent's time</dt><dd>${
    spanMs === undefined
      ? "not started"
      : ticking
        ? html`<span data-since="${view.startedAtMs}" data-now="${nowMs}">${printSpan(spanMs)}</span>`
        : printSpan(spanMs)
  }</dd></div>
<div><dt>Model</dt><dd>${printNumberOf(usage.turns, "turn")}, ${printCost(usage.costUsd)}</dd></div>
<div><dt>Tokens</dt><dd>${printCount(usage.inputTokens)} in, ${printCount(usage.outputTokens)} out${cached ? `, ${printCount(cached)} cached` : ""}</dd></div>
<div><dt>Sandbox</dt><dd>${view.mode === undefined ? "Not made yet" : view.mode === "sealed" ? "Sealed: no network" : "Firewalled: GitHub only"}</dd></div>
${view.isolation ? html`<div><dt>Kept apart by</dt><dd>${printLine(printIsolation(view.isolation))}</dd></div>` : ""}
${view.branch ? html`<div><dt>Branch</dt><dd><code>${printLine(view.branch)}</code></dd></div>` : ""}
${view.checkRun ? html`<div><dt>Check run</dt><dd>${showLink(view.checkRun.url, "on GitHub")}</dd></div>` : ""}
<div><dt>Run</dt><dd><code>${view.id}</code></dd></div>
</dl>`;
}

export function showTimeline(view: RunView): Markup {
  if (view.timeline.length === 0) return html`<p class="quiet">Nothing has happened yet.</p>`;
  return html`<ol class="timeline">${view.timeline.map((entry, index) => {
    const before = view.timeline[index - 1];
    return html`<li><span class="words">${printLine(entry.words)}</span><span class="when"><time datetime="${new Date(entry.atMs).toISOString()}">${printClock(entry.atMs)}</time>${
      before ? html` <span class="after">+${printSpan(entry.atMs - before.atMs)}</span>` : ""
    }</span>${entry.detail ? html`<span class="detail">${printLine(entry.detail)}</span>` : ""}</li>`;
  })}</ol>`;
}

export function showChecks(view: RunView): Markup {
  if (view.checks.length === 0)
    return html`<p class="quiet">The sandbox has not been checked yet. The agent cannot start before.</p>`;
  const failed = view.checks.filter((check) => !check.ok).length;
  return html`<p>${
    failed
      ? `${printNumberOf(failed, "check")} of ${view.checks.length} failed: the agent was not started.`
      : `All ${printNumberOf(view.checks.length, "check")} passed before the agent started.`
  }</p>${showEscapes(view)}${showTable({
    label: "Checks of the sandbox",
    heads: ["Check", "Seen from", "Result", "What was seen"],
    rows: [...view.checks]
      .sort((one, other) => Number(one.ok) - Number(other.ok))
      .map((check) => [
        html`<code>${printLine(check.name)}</code>`,
        check.side,
        html`<span class="verdict ${check.ok ? "good" : "bad"}">${check.ok ? "passed" : "failed"}</span>`,
        printLine(check.seen),
      ]),
  })}`;
}

/** What is known against the engine, mended or not by what was checked: whoever reads the run decides what it is worth. */
function showEscapes({ isolation }: RunView): Markup {
  if (!isolation || isolation.escapes.length === 0) return html``;
  return html`<p>Known holes of what kept it apart:</p><ul class="held">${isolation.escapes.map((hole) => html`<li>${printLine(hole)}</li>`)}</ul>`;
}

export type Verdict = "allowed" | "refused";

/** `path`: of the page itself, for the links that filter. */
export function showRequests(view: RunView, options: { path: string; verdict?: Verdict | undefined }): Markup {
  const { evidence } = view;
  const rows = evidence.rows.filter((row) => options.verdict === undefined || row.verdict === options.verdict);
  const total = options.verdict ? evidence[options.verdict] : evidence.allowed + evidence.refused;
  const filter = (verdict: Verdict | undefined, words: string) =>
    html`<li><a href="${options.path}${verdict ? `?verdict=${verdict}` : ""}#requests"${
      verdict === options.verdict ? html` aria-current="true"` : ""
    }>${words}</a></li>`;
  return html`<ul class="filter">${filter(undefined, `All ${printCount(evidence.allowed + evidence.refused)}`)}${filter(
    "allowed",
    `Allowed ${printCount(evidence.allowed)}`,
  )}${filter("refused", `Refused ${printCount(evidence.refused)}`)}</ul>${
    rows.length === 0
      ? html`<p class="quiet">No such request.</p>`
      : showTable({
          label: "Requests to the gateway",
          heads: ["#", "Time", "Verdict", "Door", "Request", "Rule", "Status", "Sent", "Received"],
          rows: rows.map((row) => [
            String(row.seq),
            html`<time datetime="${new Date(row.atMs).toISOString()}">${printClock(row.atMs)}</time>`,
            html`<span class="verdict ${row.verdict === "allowed" ? "good" : "bad"}">${row.verdict}</span>`,
            row.door,
            html`<code>${printLine(row.method)} ${printLine(row.target)}</code>${row.times === undefined ? "" : ` ×${printCount(row.times)}`}`,
            html`<code>${printLine(row.rule)}</code>`,
            row.door === "network" ? "" : row.status === 0 ? "broken off" : String(row.status),
            printBytes(row.bytesIn),
            printBytes(row.bytesOut),
          ]),
        })
  }${networkGrants(rows).map((words) => html`<p class="quiet">${words}</p>`)}${rows.length < total ? html`<p class="quiet">${printCount(rows.length)} of ${printCount(total)} are shown here.</p>` : ""}${
    evidence.digest ? html`<p class="quiet">The rows are chained; the last digest is <code>${evidence.digest}</code>.</p>` : ""
  }`;
}

export function showGrants(view: RunView, nowMs: number): Markup {
  if (view.grants.length === 0) return html`<p class="quiet">No token has been minted for this run.</p>`;
  const inside =
    view.mode === "firewalled" ? "one of them is inside the sandbox while the agent works" : "none of them enters the sandbox";
  return html`<p>Each token is for this repository alone, and ${inside}.</p>${
    view.exposureNotes ? html`<ul class="held">${view.exposureNotes.map((note) => html`<li>${printLine(note)}</li>`)}</ul>` : ""
  }${showTable({
    label: "Tokens minted for this run",
    heads: ["Duty", "Permissions", "Minted", "Ended"],
    rows: view.grants.map((grant) => [
      printLine(grant.duty),
      html`${Object.entries(grant.permissions).map(([name, level]) => html`<code>${printLine(name)}: ${printLine(level)}</code> `)}`,
      showTime(grant.mintedAtMs),
      grant.revokedAtMs !== undefined
        ? html`revoked after ${printSpan(grant.revokedAtMs - grant.mintedAtMs)}`
        : grant.expiresAtMs <= nowMs
          ? "expired"
          : html`<span class="verdict attention">${grant.lost ? "answer lost, lives at most until" : "live until"}</span> ${showTime(grant.expiresAtMs)}`,
    ]),
  })}`;
}

export function printSubject(view: RunView): string {
  return `#${view.subject.number} ${printLine(view.subject.title)}`;
}

function showTime(atMs: number): Markup {
  return html`<time datetime="${new Date(atMs).toISOString()}">${printTime(atMs)}</time>`;
}

function showTable(table: { label: string; heads: string[]; rows: (string | Markup)[][] }): Markup {
  return html`<div class="scroll" role="region" aria-label="${table.label}" tabindex="0"><table><caption class="unseen">${table.label}</caption>
<thead><tr>${table.heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${table.rows.map((row) => html`<tr>${row.map((cell, index) => html`<td data-head="${table.heads[index]}">${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}
