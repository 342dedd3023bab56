import { findParagraphEnd, inlineTag, matchAt, readParts } from "./html-syntax.ts";

type Count = (kind: "HTML comments" | "HTML attributes") => void;

/** HTML within sentences: what is not well-formed there is shown as text, and stays. The leftmost wins, as in CommonMark. */
export function removeInlineHtml(text: string, count: Count): string {
  let kept = "";
  let at = 0;
  for (const { open, end, tag, mark, link } of findInlineHtml(text)) {
    if (link !== undefined) continue;
    const bare = tag === undefined ? "" : `<${tag}>`;
    if (bare !== text.slice(open, end)) count(tag === undefined ? "HTML comments" : "HTML attributes");
    kept += text.slice(at, open) + bare;
    // A browser ends what Markdown takes for an instruction at the first bracket, and may find something there that goes on.
    if (mark !== undefined && mark !== "-->" && goesOn(text.slice(open + 1, end))) return dropOpenDescription(kept);
    at = end;
  }
  return kept + text.slice(at);
}

function goesOn(instruction: string): boolean {
  const bracket = instruction.indexOf(">");
  return instruction.includes("<!--") || (bracket >= 0 && findMarkup(instruction, bracket) >= 0);
}

/**
 * Puts another character in the place of each bracket that begins no HTML: in a sentence, `a <b` and `<https://…>` are shown as they are.
 * Read as HTML, with a text that has some elsewhere, they would be tags, and go with what follows them.
 */
export function guardSentences(text: string): string {
  const blocks = [...readParts(text)].filter(({ isHtml }) => isHtml).map(({ at, lines }) => [at, at + lines.join("\n").length]);
  const html = [...findInlineHtml(text)].filter(({ link }) => link === undefined).map(({ open, end }) => [open, end]);
  const isWithin = (spans: (number | undefined)[][]) => {
    let next = 0;
    return (at: number) => {
      while ((spans[next]?.[1] ?? Number.POSITIVE_INFINITY) <= at) next++;
      return (spans[next]?.[0] ?? Number.POSITIVE_INFINITY) <= at;
    };
  };
  const [inBlock, inHtml] = [isWithin(blocks), isWithin(html)];
  return text.replaceAll("<", (bracket, at: number) => (inBlock(at) || inHtml(at) ? bracket : guard));
}

/** Of a kind that was taken out before, so that nobody can have written it. */
const guard = "\ue000";

export function unguard(text: string): string {
  return text.replaceAll(guard, "<");
}

interface InlineHtml {
  open: number;
  end: number;
  /** Its name, after a slash where it closes; undefined: it is no tag. */
  tag?: string;
  /** What ends it, where it is neither a tag nor an address. */
  mark?: string;
  /** An address that is shown as it is. */
  link?: string;
}

/** One after the other, none within another. */
function* findInlineHtml(text: string): Generator<InlineHtml> {
  // Searched for anew only behind the one that was found last, or many openings would each search the whole text.
  const ends = new Map<string, number>();
  const endOf = (mark: string, from: number): number => {
    const known = ends.get(mark);
    if (known !== undefined && (known < 0 || known - mark.length >= from)) return known;
    const end = after(text, mark, from);
    ends.set(mark, end);
    return end;
  };
  let at = 0;
  let sentencesEnd = -1;
  for (let open = findMarkup(text, 0); open >= 0; open = findMarkup(text, Math.max(at, open + 1))) {
    if (isEscaped(text, open)) continue;
    if (sentencesEnd < open) sentencesEnd = findParagraphEnd(text, open);
    const [whole = "", tag] = matchAt(inlineTag, text, open) ?? [];
    const hidden = hiddenInline.find(({ begin }) => matchAt(begin, text, open));
    const [address = "", link] = matchAt(autolink, text, open) ?? [];
    const own = whole || address;
    const end = own ? open + own.length : hidden ? endOf(hidden.end, open + hidden.skip) : -1;
    // What begins its line is a block, which no other line ends.
    if (end < 0 || (end > sentencesEnd && !(hidden && beginsLine(text, open)))) continue;
    yield {
      open,
      end,
      ...(tag !== undefined && { tag }),
      ...(hidden && { mark: hidden.end }),
      ...(link !== undefined && { link }),
    };
    at = end;
  }
}

/** Behind marks of lists and quotes at most, and of those a line's few: a long line is not read again for each bracket in it. */
function beginsLine(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 80), at);
  return (at <= 80 ? /(?:^|\n)[ \t>*+\-\d.)]*$/ : /\n[ \t>*+\-\d.)]*$/).test(before);
}

function isEscaped(text: string, at: number): boolean {
  let begin = at;
  while (text[begin - 1] === "\\") begin--;
  return (at - begin) % 2 === 1;
}

const autolink = /<((?:https?|mailto):[^\s<>]{1,2000}|[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+)>/iy;
const hiddenInline = [
  // `<!-->` is a whole comment.
  { begin: /<!--/y, end: "-->", skip: 2 },
  { begin: /<!\[CDATA\[/y, end: "]]>", skip: 9 },
  { begin: /<\?/y, end: "?>", skip: 2 },
  { begin: /<![a-z]/iy, end: ">", skip: 2 },
] as const;

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

/** The text up to this place, without what is only shown since its end is cut off. */
export function cutOff(text: string, place: number): string {
  const kept = dropOpenDescription(text.slice(0, place));
  for (const { open, end } of findInlineHtml(text)) {
    if (open >= kept.length) break;
    if (end > kept.length) return kept.slice(0, open);
  }
  return kept;
}

/** In a sentence, what is cut off here may have been the end of a picture's description, which is not shown either. */
function dropOpenDescription(kept: string): string {
  const open = kept.indexOf("[", Math.max(0, kept.lastIndexOf("\n\n")));
  const tail = open < 0 ? "" : kept.slice(open);
  return tail.split("[").length > tail.split("]").length ? kept.slice(0, open).replace(/!$/, "") : kept;
}

export function findMarkup(text: string, from: number): number {
  for (let at = text.indexOf("<", from); at >= 0; at = text.indexOf("<", at + 1))
    if (/[a-z/!?]/i.test(text[at + 1] ?? "")) return at;
  return -1;
}

export function findCommentEnd(text: string, open: number): number {
  if (!text.startsWith("<!--", open)) return after(text, ">", open);
  if (text.startsWith("<!-->", open)) return open + 5;
  return after(text, "-->", open + 3);
}

/** Quotes count behind an equals sign only. */
export function findTagEnd(text: string, from: number): number {
  // One way to read each part, or a text without an end would be read in all of them.
  const rest = /(?:[^>=]|=(?!\s*["'])|=\s*(?:"[^"]*"|'[^']*'))*>/y;
  rest.lastIndex = from;
  return rest.test(text) ? rest.lastIndex : -1;
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? -1 : at + mark.length;
}
