/** A stretch of Markdown: code in a fence, shown as it is written, or the rest. Joined by line feeds they are the text again. */
export interface Stretch {
  code: boolean;
  text: string;
}

const fenceLine = /^( *)(`{3,}(?=[^`]*$)|~{3,})/;
/** In a quote, a list or after a tab a fence may end where a container does: whether it does, only a whole parser knows. */
const doubtfulFence = /^(?:[ \t]*(?:[>*+-]|\d{1,9}[.)])[ \t>*+\-\d.)]*| *\t[ \t]*)(?:`{3,}|~{3,})/;
/** HTML in which blank lines end nothing: what looks like a fence there is not one. */
const longHtml = /^[ \t>*+\-\d.)]*<(?:pre|script|style|textarea|\?|!(?!--))/i;
const htmlStart = /^[ \t>*+\-\d.)]*<[a-z/]/i;

/**
 * Finds fenced code, but only where it is code in every reading. Who hides text from people and not from an agent makes two parsers
 * disagree on where a fence ends; so from the first line in doubt on, nothing counts as code, and hidden parts are looked for everywhere.
 */
export function splitFencedCode(text: string): Stretch[] {
  const lines = text.split("\n");
  const stretches: Stretch[] = [];
  let rest: string[] = [];
  const push = (stretch: Stretch) => {
    if (rest.length > 0) stretches.push({ code: false, text: rest.join("\n") });
    rest = [];
    stretches.push(stretch);
  };
  let inHtml = false;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.trim() === "") inHtml = false;
    const comment = findCommentEnd(lines, at);
    const [, indent = "", mark = ""] = fenceLine.exec(line) ?? [];
    const doubtful = doubtfulFence.test(line) || longHtml.test(line) || comment === "doubtful";
    // Indented by four it is a fence only in a list, and code of another kind only after a blank line.
    const misplaced = mark !== "" && (inHtml || (indent.length > 3 && (lines[at - 1] ?? "").trim() !== ""));
    const end = mark !== "" && !misplaced && !doubtful ? findFenceEnd(lines, at, { indent: indent.length, mark }) : undefined;
    if (doubtful || misplaced || (mark !== "" && end === undefined)) {
      rest = [...rest, ...lines.slice(at)];
      break;
    }
    if (end !== undefined) {
      push({ code: true, text: lines.slice(at, end + 1).join("\n") });
      at = end;
      continue;
    }
    inHtml ||= htmlStart.test(line);
    const last = typeof comment === "number" ? comment : at;
    for (; at < last; at++) rest.push(lines[at] ?? "");
    rest.push(lines[last] ?? "");
  }
  if (rest.length > 0) stretches.push({ code: false, text: rest.join("\n") });
  return stretches;
}

/** The closing line, or the text's last where it is never closed; undefined where another parser may find another. */
function findFenceEnd(lines: readonly string[], start: number, fence: { indent: number; mark: string }): number | undefined {
  for (let at = start + 1; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const [, before = "", mark = ""] = /^([ \t>]*)(`{3,}|~{3,})[ \t]*$/.exec(line) ?? [];
    if (mark.startsWith(fence.mark)) return before === " ".repeat(fence.indent) ? at : undefined;
    if (line.trim() !== "" && !line.startsWith(" ".repeat(fence.indent))) return undefined;
  }
  return lines.length - 1;
}

/** Undefined: no comment is open at the line's end. The line at which it ends, for one that certainly hides fences until then. */
function findCommentEnd(lines: readonly string[], at: number): number | "doubtful" | undefined {
  const line = lines[at] ?? "";
  const open = line.lastIndexOf("<!--");
  if (open < 0 || line.indexOf("-->", open + 2) >= 0) return undefined;
  if (!/^ {0,3}<!--/.test(line) || open > 3) return "doubtful";
  const end = lines.findIndex((later, index) => index > at && later.includes("-->"));
  if (end < 0) return lines.length - 1;
  return lines[end]?.lastIndexOf("<!--") === -1 ? end : "doubtful";
}
