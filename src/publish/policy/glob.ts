import type { CanonPath } from "./canon.ts";

/**
 * ◆ Whether a path, as every disk would read it, is one of the pattern's. `FOLDER/**` is the folder too: a link may stand in its place. By
 * a table of places instead of a regular expression: no pattern makes it slow.
 */
export function matchesGlob(glob: string, { parts }: CanonPath): boolean {
  // reached[i]: the pattern so far takes exactly the first i names.
  let reached = [true, ...parts.map(() => false)];
  for (const wanted of glob.split("/")) {
    const first = reached.indexOf(true);
    if (first < 0) return false;
    if (wanted === "**") reached = reached.map((_, i) => i >= first);
    else reached = reached.map((_, i) => i > 0 && reached[i - 1] === true && matchesName(wanted, parts[i - 1] ?? ""));
  }
  return reached.at(-1) === true;
}

/** `*`: any number of characters; `?`: one. A star that took too little takes one more, and only the last star ever has to. */
function matchesName(wanted: string, name: string): boolean {
  const [pattern, chars] = [[...wanted], [...name]];
  let [at, i, star, from] = [0, 0, -1, 0];
  while (i < chars.length) {
    if (pattern[at] === "*") [star, from] = [at++, i];
    else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === chars[i])) [at, i] = [at + 1, i + 1];
    else if (star >= 0) [at, i] = [star + 1, ++from];
    else return false;
  }
  return pattern.slice(at).every((char) => char === "*");
}
