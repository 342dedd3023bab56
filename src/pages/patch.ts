import type { DiffBlock, DiffFile, DiffLine } from "diff2html/lib/types.js";
import { cutText, printExact } from "./visible.ts";

export interface ReadPatch {
  files: DiffFile[];
  /** Hunk lines that are shown, and that were left out because of `limitLines`. */
  shownLines: number;
  leftOutLines: number;
}

/**
 * Reads what `git diff` or `git format-patch` printed. A hunk's own counts decide where it ends, so that a changed line that
 * looks like a header ("-- a/x" removed, for one) cannot pass itself off as another file; diff2html's own parser goes by looks.
 */
export function readPatch(patch: string, options: { limitLines: number; limitLineChars: number }): ReadPatch {
  const read: ReadPatch = { files: [], shownLines: 0, leftOutLines: 0 };
  let file: DiffFile | undefined;
  let hunk: Hunk | undefined;
  for (const line of patch.split("\n")) {
    if (hunk && takeHunkLine(hunk, line)) {
      if (!file) continue;
      count(file, line);
      const block = hunk.block;
      if (line.startsWith("\\")) continue;
      if (read.shownLines >= options.limitLines) read.leftOutLines += 1;
      else {
        read.shownLines += 1;
        block.lines.push(toDiffLine(hunk, line, options.limitLineChars));
      }
      continue;
    }
    hunk = undefined;
    if (line.startsWith("diff --git ")) {
      file = startFile(line.slice("diff --git ".length));
      read.files.push(file);
    } else if (file && line.startsWith("@@ ")) {
      hunk = startHunk(line);
      if (hunk && read.shownLines < options.limitLines) file.blocks.push(hunk.block);
      else if (hunk && file.blocks.length === 0) file.blocks.push(remark("Not shown here: see the patch file"));
    } else if (file) readHeader(file, line);
  }
  return read;
}

interface Hunk {
  block: DiffBlock;
  oldLeft: number;
  newLeft: number;
  oldAt: number;
  newAt: number;
}

function startHunk(line: string): Hunk | undefined {
  const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
  if (!match) return undefined;
  const [oldAt, newAt] = [Number(match[1]), Number(match[3])];
  const header = printExact(cutText(line, 200).text);
  return {
    block: { oldStartLine: oldAt, newStartLine: newAt, header, lines: [] },
    oldLeft: Number(match[2] ?? 1),
    newLeft: Number(match[4] ?? 1),
    oldAt,
    newAt,
  };
}

/** A row without lines: without one, diff2html would say "File without changes". */
function remark(header: string): DiffBlock {
  return { oldStartLine: 0, newStartLine: 0, header, lines: [] };
}

/** False: the line is not of this hunk. "\ No newline at end of file" may follow the last counted line. */
function takeHunkLine(hunk: Hunk, line: string): boolean {
  if (line.startsWith("\\")) return true;
  if (hunk.oldLeft === 0 && hunk.newLeft === 0) return false;
  const sign = line[0] ?? " ";
  if (sign !== "+" && sign !== "-" && sign !== " ") return false;
  if (sign !== "+") hunk.oldLeft -= 1;
  if (sign !== "-") hunk.newLeft -= 1;
  return hunk.oldLeft >= 0 && hunk.newLeft >= 0;
}

function toDiffLine(hunk: Hunk, line: string, limitChars: number): DiffLine {
  const { text, cutChars } = cutText(line.slice(1), limitChars);
  const content = (line[0] ?? " ") + printExact(text) + (cutChars ? ` … ${cutChars} more characters` : "");
  // The casts stand for an enum of diff2html whose values are these words.
  if (line[0] === "+") return { type: "insert", newNumber: hunk.newAt++, oldNumber: undefined, content } as DiffLine;
  if (line[0] === "-") return { type: "delete", oldNumber: hunk.oldAt++, newNumber: undefined, content } as DiffLine;
  return { type: "context", oldNumber: hunk.oldAt++, newNumber: hunk.newAt++, content } as DiffLine;
}

function count(file: DiffFile, line: string): void {
  if (line.startsWith("+")) file.addedLines += 1;
  if (line.startsWith("-")) file.deletedLines += 1;
}

function startFile(rest: string): DiffFile {
  const name = printName(readNames(rest));
  return {
    oldName: name,
    newName: name,
    addedLines: 0,
    deletedLines: 0,
    isCombined: false,
    isGitDiff: true,
    language: "",
    blocks: [],
  };
}

function readHeader(file: DiffFile, line: string): void {
  const after = (prefix: string) => (line.startsWith(prefix) ? line.slice(prefix.length) : undefined);
  const from = after("rename from ") ?? after("copy from ");
  const to = after("rename to ") ?? after("copy to ");
  if (from !== undefined) file.oldName = printName(unquote(from));
  if (to !== undefined) file.newName = printName(unquote(to));
  if (line.startsWith("rename from ")) file.isRename = true;
  if (line.startsWith("copy from ")) file.isCopy = true;
  if (line.startsWith("Binary files ") || line === "GIT binary patch") {
    file.isBinary = true;
    file.blocks.push(remark("Binary file"));
  }
  const newMode = after("new file mode ");
  const deletedMode = after("deleted file mode ");
  if (newMode !== undefined) Object.assign(file, { isNew: true, newFileMode: newMode });
  if (deletedMode !== undefined) Object.assign(file, { isDeleted: true, deletedFileMode: deletedMode });
  const oldBits = after("old mode ");
  const newBits = after("new mode ");
  if (oldBits !== undefined) file.oldMode = oldBits;
  if (newBits !== undefined) file.newMode = newBits;
}

/** "a/x b/x": both sides are the same name unless it is a rename, which says so in lines of its own. */
function readNames(rest: string): string {
  if (rest.startsWith('"')) return unquote(rest.slice(0, rest.indexOf('" ') + 1)).slice(2);
  return rest.slice(2, (rest.length - 1) / 2);
}

const escapes: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 };

/** Git quotes odd names as C does, bytes in octal. */
function unquote(name: string): string {
  if (!name.startsWith('"') || !name.endsWith('"')) return name;
  const bytes: number[] = [];
  const pieces = name.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gu);
  for (const [, octal, letter, plain] of pieces) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (letter !== undefined) bytes.push(escapes[letter] ?? 63);
    else bytes.push(...Buffer.from(plain ?? ""));
  }
  return Buffer.from(bytes).toString("utf8");
}

function printName(name: string): string {
  return printExact(cutText(name, 400).text).replaceAll("\n", "␊").replaceAll("\t", "␉");
}
