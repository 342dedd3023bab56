/** What happens to work that changes a path, from the mildest: as it is; as a draft; only by a person's word; not pushed at all. */
export const pathActions = ["allow", "draft", "hold", "refuse"] as const;
export type PathAction = (typeof pathActions)[number];

/** `glob`: from the repository's root, lower case, as `parseGlob` gives it. */
export interface PathRule {
  glob: string;
  action: PathAction;
}

/** The stricter of two. */
export function stricter(one: PathAction, other: PathAction): PathAction {
  return pathActions.indexOf(one) >= pathActions.indexOf(other) ? one : other;
}

const longest = 200;

/**
 * A pattern for paths: `*` and `?` stand for what is within one name, `**` for any number of folders. Answers its one form, or `wrong`: what
 * keeps it from being one, to complete "GLOB …". Pure.
 */
export function parseGlob(text: string): { glob: string } | { wrong: string } {
  if (text === "") return { wrong: "is empty" };
  if (text.length > longest) return { wrong: `is longer than ${longest} characters` };
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(text)) return { wrong: "has a character that is not shown" };
  if (/[\\:[\]{}!]/.test(text)) return { wrong: "has one of \\ : [ ] { } !, which mean nothing here" };
  const parts = text.normalize("NFKC").toLowerCase().split("/");
  if (parts.includes(""))
    return { wrong: "begins or ends with / or has two of them: paths start at the root, FOLDER/** is a folder" };
  // Disks take "a." and "a" for the same, and the paths come without such ends.
  if (parts.some((part) => /[. ]$|^ /.test(part))) return { wrong: "has a name that ends with a dot or a blank" };
  if (parts.some((part) => part.includes("**") && part !== "**"))
    return { wrong: "has ** beside other characters: it stands alone" };
  return { glob: parts.join("/") };
}
