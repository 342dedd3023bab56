/** One `key: value`. `depth`: its indentation, in steps of two. */
export interface YamlLine {
  depth: number;
  key: string;
  /** As it is written; empty where lines below it are the value. */
  value: string;
}

const mostLines = 400_000;
const longestLine = 20_000;

/**
 * ◆ Reads the part of YAML that yarn and pnpm write, line by line: a document made to be slow, with anchors, or in a form that only a whole
 * parser reads is none of theirs. Throws on anything else, since what cannot be read must not pass unread.
 */
export function readYamlLines(text: string): YamlLine[] {
  const lines = text.split(/\r?\n/);
  if (lines.length > mostLines) throw new Error("too many lines");
  const read: YamlLine[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const indent = line.search(/[^ ]/);
    if (line.length > longestLine || indent % 2 !== 0) throw new Error("not a line of a lock file");
    const rest = line.slice(indent);
    // Lists hold names of systems and of peers, never a package of their own.
    if (indent > 0 && /^- [^\s&*!|>{[]/.test(rest)) continue;
    const [key, value] = splitLine(rest);
    read.push({ depth: indent / 2, key, value });
    if (!/^[|>][-+]?$/.test(value)) continue;
    // A text of several lines: all that is indented further.
    while (/^ *$/.test(lines[i + 1] ?? "x") || (lines[i + 1] ?? "").search(/[^ ]/) > indent) i++;
  }
  return read;
}

/** `'…'`, `"…"` as JSON has it, or plain. */
const quoted = /'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"/y;

function splitLine(text: string): [key: string, value: string] {
  quoted.lastIndex = 0;
  const [mark] = quoted.exec(text) ?? [];
  const end = mark?.length ?? plainEnd(text);
  const after = text.slice(end);
  if (!/^:(?: |$)/.test(after)) throw new Error("not a key and its value");
  return [unquote(mark ?? text.slice(0, end)), checkValue(after.slice(1).trim())];
}

/** A plain key ends at the first colon that a blank or nothing follows: addresses have others. */
function plainEnd(text: string): number {
  if (/^[\s"'&*!|>%@`{}[\],?#-]/.test(text)) throw new Error("not a plain key");
  const inner = text.indexOf(": ");
  return inner >= 0 ? inner : text.length - 1;
}

function checkValue(value: string): string {
  if (/^[&*!%@`?]/.test(value)) throw new Error("not a plain value");
  if (/^[{[]/.test(value) && !/^(?:\{[^{}[\]]*\}|\[[^{}[\]]*\])$/.test(value)) throw new Error("not on one line");
  quoted.lastIndex = 0;
  if (/^["']/.test(value) && quoted.exec(value)?.[0] !== value) throw new Error("not a whole text");
  if (/^[|>]/.test(value) && !/^[|>][-+]?$/.test(value)) throw new Error("not a known text");
  return value;
}

/** ◆ What a quoted or plain value says. Throws on escapes that JSON does not have. */
export function unquote(value: string): string {
  if (value.startsWith('"')) return String(JSON.parse(value));
  return value.startsWith("'") ? value.slice(1, -1).replaceAll("''", "'") : value;
}
