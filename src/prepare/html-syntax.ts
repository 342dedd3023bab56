// What of a Markdown text is HTML, by the rules of CommonMark 0.31, 4.6 and 6.6, which GitHub's follow.

/** As CommonMark has it: what looks like a tag and is none is shown, and a tag may begin within it. */
export const inlineTag =
  /<(\/[a-z][a-z0-9-]*(?=\s*>)|[a-z][a-z0-9-]*)(?:\s+[a-z_:][\w.:-]*(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?)*\s*\/?>/iy;

export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** True where nothing but one tag stands in the line. */
function isWholeTag(line: string): boolean {
  const [whole] = matchAt(inlineTag, line, 0) ?? [];
  return whole !== undefined && line.slice(whole.length).trim() === "";
}

/** Blocks that end with the line that has this in it. Others end before an empty line. */
const blockEnds = [
  { begin: /^<(?:script|pre|style|textarea)(?![a-z0-9-])/i, end: /<\/(?:script|pre|style|textarea)>/i },
  { begin: /^<!--/, end: /-->/ },
  { begin: /^<\?/, end: /\?>/ },
  { begin: /^<!\[CDATA\[/, end: /\]\]>/ },
  { begin: /^<![a-z]/i, end: />/ },
] as const;

/** Those that begin a block whatever follows them; another tag does where it stands alone in its line. */
const blockTags =
  /^<\/?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)(?:\s|\/?>|$)/i;

/** A line of a text, or a block of HTML. */
export interface Part {
  /** Where it begins in the text, and in its lines. */
  at: number;
  index: number;
  lines: readonly string[];
  /** The marks of lists and quotes before it. */
  prefix: string;
  isHtml: boolean;
}

/** Its blocks of HTML, and line by line what is none. */
export function* readParts(text: string): Generator<Part> {
  const lines = text.split("\n");
  const hasList = listBegin.test(text);
  let at = 0;
  for (let index = 0; index < lines.length; ) {
    const line = lines[index] ?? "";
    const [prefix = ""] = linePrefix.exec(line) ?? [];
    // Further in, it is code or goes on with a sentence, but within a list.
    const isHtml = beginsBlock(line.slice(prefix.length)) && (hasList || !/^(?: {4}| {0,3}\t)/.test(line));
    const own = isHtml ? lines.slice(index, index + sizeOfBlock(lines, index, prefix)) : [line];
    yield { at, index, lines: own, prefix, isHtml };
    at += own.join("\n").length + 1;
    index += own.length;
  }
}

const linePrefix = /^[ \t>*+\-\d.)]*/;

/** True where a block of HTML begins with this line, of which the marks of lists and quotes were taken off. */
function beginsBlock(line: string): boolean {
  return blockEnds.some(({ begin }) => begin.test(line)) || blockTags.test(line) || isWholeTag(line);
}

/** Of the block of HTML that begins in this line, in lines: as CommonMark has it, or to where the list or quote around it ends. */
function sizeOfBlock(lines: readonly string[], index: number, prefix: string): number {
  const first = (lines[index] ?? "").slice(prefix.length);
  const end = blockEnds.find(({ begin }) => begin.test(first))?.end;
  if (end?.test(first)) return 1;
  const inside = prefix.trim() === "" ? undefined : insideOf(prefix);
  let size = 1;
  for (; index + size < lines.length; size++) {
    const line = lines[index + size] ?? "";
    if (inside && !inside.test(line)) break;
    if (end?.test(line)) return size + 1;
    if (!end && (inside ? /^[ \t>]*$/ : /^[ \t]*$/).test(line)) break;
  }
  return size;
}

/** What a later line must look like to stand in the same list or quote. */
export function insideOf(prefix: string): RegExp {
  return prefix.includes(">") ? /^ {0,3}>/ : new RegExp(`^ {${prefix.length}}`);
}

export const listBegin = /^[ \t>]*(?:[*+-]|\d{1,9}[.)])[ \t]/m;

/** Before an empty line, or one that begins something else: a heading, an item of a list, a block of HTML. */
export function findParagraphEnd(text: string, from: number): number {
  paragraphEnd.lastIndex = from;
  return paragraphEnd.exec(text)?.index ?? text.length;
}

const paragraphEnd = new RegExp(
  `\\n(?:[ \\t>]*\\n|[ >]{0,3}(?:#{1,6}[ \\t]|(?:[*+-]|1[.)])[ \\t]+\\S|<!--|<!\\[CDATA\\[|<![a-z]|<\\?|${blockTags.source.slice(1)}))`,
  "gi",
);
