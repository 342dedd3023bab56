/** A line that a commit adds. `line`: its number in the new file, from 1. */
export interface AddedLine {
  path: string;
  line: number;
  text: string;
}

/**
 * ◆ Parses what `git diff -U0 --text` prints, by the counts in each hunk's head: content that looks like a head is content. Throws on
 * anything that it does not know, since what cannot be read must not pass unread.
 */
export function parseAddedLines(diff: string): AddedLine[] {
  const lines = diff.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const added: AddedLine[] = [];
  let path: string | undefined;
  for (let i = 0; i < lines.length; i++) {
    const text = lines[i] ?? "";
    if (text.startsWith("+++ ")) {
      path = readName(text.slice(4));
      continue;
    }
    if (!text.startsWith("@@ ")) {
      if (!headers.test(text)) throw new Error("git's diff has not its known form");
      continue;
    }
    const head = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text);
    if (!head || path === undefined) throw new Error("git's diff has not its known form");
    let [gone, come, line] = [Number(head[1] ?? 1), Number(head[3] ?? 1), Number(head[2])];
    while (gone > 0 || come > 0) {
      const body = lines[++i];
      if (body === undefined) throw new Error("git's diff is not whole");
      if (body.startsWith("+") && come > 0) {
        added.push({ path, line: line++, text: body.slice(1) });
        come--;
      } else if (body.startsWith("-") && gone > 0) gone--;
      else if (!body.startsWith("\\ ")) throw new Error("git's diff has not its known form");
    }
  }
  return added;
}

const headers =
  /^(diff --git |index |old mode |new mode |new file mode |deleted file mode |--- |\\ |similarity |Submodule |Binary files )/;

/** Git quotes a name with anything unusual in it, in C's way. It is for people here: what is inside of the quotes serves. */
function readName(name: string): string {
  const plain = name.startsWith('"') ? name.slice(1, name.lastIndexOf('"')) : name.replace(/\t$/, "");
  return plain.replace(/^b\//, "");
}
