type Count = (kind: "HTML comments" | "HTML attributes") => void;

/** HTML within sentences: what is not well-formed there is shown as text, and stays. The leftmost wins, as in CommonMark. */
export function removeInlineHtml(text: string, count: Count): string {
  const absent = new Set<string>();
  const endOf = (mark: string, from: number): number => {
    const end = absent.has(mark) ? -1 : after(text, mark, from);
    // Not looked for again, or many openings without an end would each search the whole text.
    if (end < 0) absent.add(mark);
    return end;
  };
  let kept = "";
  let at = 0;
  for (let open = findMarkup(text, 0); open >= 0; open = findMarkup(text, Math.max(at, open + 1))) {
    const [whole = "", tag] = matchAt(inlineTag, text, open) ?? [];
    const hidden = hiddenInline.find(({ begin }) => matchAt(begin, text, open));
    const end = tag !== undefined ? open + whole.length : hidden ? endOf(hidden.end, open + hidden.skip) : -1;
    if (end < 0) continue;
    const bare = tag === undefined ? "" : `<${tag}>`;
    if (bare !== whole || tag === undefined) count(tag === undefined ? "HTML comments" : "HTML attributes");
    kept += text.slice(at, open) + bare;
    // A browser ends what Markdown takes for an instruction at the first bracket, and finds a comment in it.
    if (hidden && hidden.end !== "-->" && text.slice(open, end).includes("<!--")) return kept;
    at = end;
  }
  return kept + text.slice(at);
}

const inlineTag = /<(\/?[a-z][a-z0-9-]*)(?:(?=[\s/])(?:[^"'<>]|"[^"]*"|'[^']*')*)?>/iy;
const hiddenInline = [
  // `<!-->` is a whole comment.
  { begin: /<!--/y, end: "-->", skip: 2 },
  { begin: /<!\[CDATA\[/y, end: "]]>", skip: 9 },
  { begin: /<\?/y, end: "?>", skip: 2 },
  { begin: /<![a-z]/iy, end: ">", skip: 2 },
] as const;

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** As a browser reads a block of HTML, where nothing has to be well-formed and what never ends hides all that follows. Of tags the name
 *  stays. Text that has such a block anywhere is read so as a whole: where the block ends is what parsers disagree on. */
export function removeBlockHtml(text: string, count: Count): string {
  let comment = text.indexOf("<!--");
  // What Markdown writes between two blocks may end a tag early, and bring a comment in it to life.
  const passComments = (open: number, own: number): number => {
    let end = own;
    while (comment >= 0 && comment < open) comment = text.indexOf("<!--", comment + 1);
    while (end >= 0 && comment >= 0 && comment < end) {
      const close = findCommentEnd(text, comment);
      end = close < 0 ? -1 : Math.max(end, close);
      comment = text.indexOf("<!--", comment + 1);
    }
    return end;
  };
  let kept = "";
  let at = 0;
  for (;;) {
    const open = findMarkup(text, at);
    if (open < 0) return kept + text.slice(at);
    kept += text.slice(at, open);
    const name = /^<\/?[a-z][a-z0-9-]*/i.exec(text.slice(open, open + 40))?.[0];
    const own = name === undefined ? findCommentEnd(text, open) : findTagEnd(text, open + name.length);
    const end = text.startsWith("<!--", open) ? own : passComments(open, own);
    const plain = name !== undefined && text[open + name.length] === ">";
    if (!plain) count(name === undefined ? "HTML comments" : "HTML attributes");
    if (end < 0) return dropOpenDescription(kept);
    if (name !== undefined) kept += `${name}>`;
    at = end;
  }
}

/** In a sentence, what is cut off here may have been the end of a picture's description, which is not shown either. */
function dropOpenDescription(kept: string): string {
  const open = kept.indexOf("![", Math.max(0, kept.lastIndexOf("\n\n")));
  const tail = open < 0 ? "" : kept.slice(open);
  return tail.split("[").length > tail.split("]").length ? kept.slice(0, open) : kept;
}

function findMarkup(text: string, from: number): number {
  for (let at = text.indexOf("<", from); at >= 0; at = text.indexOf("<", at + 1))
    if (/[a-z/!?]/i.test(text[at + 1] ?? "")) return at;
  return -1;
}

function findCommentEnd(text: string, open: number): number {
  if (!text.startsWith("<!--", open)) return after(text, ">", open);
  if (text.startsWith("<!-->", open)) return open + 5;
  return after(text, "-->", open + 3);
}

/** Quotes count behind an equals sign only. */
function findTagEnd(text: string, from: number): number {
  const rest = /(?:[^>=]|=\s*(?:"[^"]*"|'[^']*'|(?!["'])))*>/y;
  rest.lastIndex = from;
  return rest.test(text) ? rest.lastIndex : -1;
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? -1 : at + mark.length;
}

/** Where a comment begins in a list, a quote or a block of HTML, and its end stands outside: there the end is not seen as one, and the
 *  comment hides all the rest. */
export function findLostComment(text: string): number | undefined {
  const lines = text.split("\n");
  let at = 0;
  let inHtml = false;
  for (const [index, line] of lines.entries()) {
    inHtml = line.trim() !== "" && (inHtml || /^[ \t>*+\-\d.)]*<[a-z/]/i.test(line));
    const open = line.lastIndexOf("<!--");
    const inside = open >= 0 && line.indexOf("-->", open + 2) < 0 ? insideOf(line.slice(0, open), inHtml) : undefined;
    if (inside) {
      const later = lines.slice(index + 1, index + 1 + mostLines);
      const end = later.findIndex((next) => next.includes("-->"));
      if (end < 0 || !later.slice(0, end + 1).every((next) => inside.test(next))) return at + open;
    }
    at += line.length + 1;
  }
  return undefined;
}

/** A longer comment there counts as lost. */
const mostLines = 200;

/** What a later line must look like to stand in the same block. Undefined where the comment is a block itself, or part of a sentence. */
function insideOf(before: string, inHtml: boolean): RegExp | undefined {
  const [prefix] = /^[ \t]*(?:[>*+-]|\d{1,9}[.)])[ \t>*+\-\d.)]*/.exec(before) ?? [];
  if (prefix !== undefined) return prefix.includes(">") ? /^ {0,3}>/ : new RegExp(`^ {${prefix.length}}`);
  return inHtml ? /\S/ : undefined;
}
