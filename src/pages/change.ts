import { html as printDiff } from "diff2html";
import { html } from "hono/html";
import { printCount, printNumberOf } from "../report/words.ts";
import { admitMarkup, type Markup } from "./markup.ts";
import { type ReadPatch, readPatch } from "./patch.ts";

/** Lines of a patch that one page shows: about 390 bytes of HTML each. The rest is in the patch itself. */
export const changeLimitLines = 5_000;

/** Files that one page shows as tables. */
export const changeLimitFiles = 300;

/** Above this, lines are no longer paired by likeness: that search grows with the square of a block. */
const pairingLimitLines = 2_000;

export function readChange(patch: string): ReadPatch {
  return readPatch(patch, { limitLines: changeLimitLines, limitLineChars: 500 });
}

/** One table a file, each in a scrolling region that the keyboard reaches. */
export function showChange(change: ReadPatch): Markup {
  if (change.files.length === 0) return html`<p class="quiet">The patch names no file.</p>`;
  const large = change.shownLines > pairingLimitLines;
  const drawn = printDiff(change.files.slice(0, changeLimitFiles), {
    outputFormat: "line-by-line",
    drawFileList: false,
    matching: large ? "none" : "lines",
    // Bounds the work on text that was made to be slow to compare: changed words are sought in short lines of small changes only.
    matchingMaxComparisons: 500,
    maxLineSizeInBlockForComparison: 200,
    maxLineLengthHighlight: large ? 0 : 140,
    rawTemplates: templates,
  });
  const left = [
    change.leftOutLines ? printNumberOf(change.leftOutLines, "more line") : "",
    change.files.length > changeLimitFiles ? printNumberOf(change.files.length - changeLimitFiles, "more file") : "",
  ].filter(Boolean);
  const cut = left.length ? html`<p class="cut">Cut here: ${left.join(" and ")}. The patch file has them all.</p>` : "";
  return html`${admitMarkup(drawn)}${cut}`;
}

/** Files with what was added and removed. */
export function showChangedFiles(change: ReadPatch, options: { limit: number }): Markup {
  const more = change.files.length - options.limit;
  return html`<ul class="files">${change.files.slice(0, options.limit).map(
    (file) => html`<li><code>${file.oldName === file.newName ? file.newName : `${file.oldName} → ${file.newName}`}</code>
      <span class="sizes">${describe(file)} <span class="plus">+${printCount(file.addedLines)}</span>
      <span class="minus">−${printCount(file.deletedLines)}</span></span></li>`,
  )}${more > 0 ? html`<li class="quiet">and ${printNumberOf(more, "more file")}</li>` : ""}</ul>`;
}

function describe(file: ReadPatch["files"][number]): string {
  if (file.isBinary) return "binary";
  if (file.isNew) return "new";
  if (file.isDeleted) return "deleted";
  if (file.isRename) return "renamed";
  if (file.newMode !== undefined) return `mode ${String(file.newMode)}`;
  return "";
}

// Hogan templates: {{name}} escapes, {{{name}}} is diff2html's own HTML.
const templates = {
  "generic-file-path": '<h3 class="d2h-file-name">{{fileDiffName}}</h3>{{>fileTag}}',
  "line-by-line-file-diff": `<section id="{{fileHtmlId}}" class="d2h-file-wrapper"><div class="d2h-file-header">{{{filePath}}}</div>
<div class="d2h-file-diff" tabindex="0" role="region" aria-label="Change in {{file.newName}}"><table class="d2h-diff-table">
<caption class="unseen">Old line number, new line number, line</caption><tbody>{{{diffs}}}</tbody></table></div></section>`,
};
