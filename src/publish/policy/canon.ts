/** A path as the most forgiving disk would read it. */
export interface CanonPath {
  /** Joined by "/". */
  text: string;
  parts: string[];
  name: string;
}

/**
 * ◆ One form for all the names that some checkout would take for the same file: macOS and Windows ignore case, HFS+ ignores invisible
 * characters and how accents are written, Windows ignores dots and blanks at the end, takes "\\" for "/" and what follows ":" for a stream.
 */
export function canonPath(path: string): CanonPath {
  const parts = path
    .normalize("NFKC")
    .replaceAll(/\p{Cf}|\p{Default_Ignorable_Code_Point}/gu, "")
    .toLowerCase()
    .normalize("NFKC")
    .replaceAll("\\", "/")
    .split("/")
    .map((part) => trimEnd((part.split(":")[0] ?? "").trimStart()))
    .filter((part) => part !== "");
  return { text: parts.join("/"), parts, name: parts.at(-1) ?? "" };
}

function trimEnd(part: string): string {
  let to = part.length;
  while (to > 0 && (part[to - 1] === "." || part[to - 1] === " ")) to--;
  return part.slice(0, to);
}
