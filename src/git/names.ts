/** ◆ Names in the git hosts' folders. Printer and parser side by side. */
import type { Sha } from "../run/identity.ts";

/** One generation of one branch of one repository: `<repository id>-<16 hex of the branch>-<generation>`. A base holds only what that
 *  branch reaches; a branch that moved other than forward gets a new generation, and the old one stays for the runs that use it. */
export type BaseName = string & { readonly brand: "BaseName" };

export function parseBaseName(text: unknown): BaseName | undefined {
  return typeof text === "string" && /^[1-9]\d{0,15}-[0-9a-f]{16}-[1-9]\d{0,8}$/.test(text) ? (text as BaseName) : undefined;
}

/** `branchKey`: 16 hex digits of a digest of the branch's name, since a branch's name is no file name. */
export function printBaseName(base: { repositoryId: number; branchKey: string; generation: number }): BaseName {
  return `${base.repositoryId}-${base.branchKey}-${base.generation}` as BaseName;
}

/** What all generations of one branch have in common. */
export function familyOf(name: BaseName): string {
  return name.slice(0, name.lastIndexOf("-"));
}

export function readGeneration(name: BaseName): number {
  return Number(name.slice(name.lastIndexOf("-") + 1));
}

/** A branch's name without `refs/heads/`, by git's rules for refs (git-check-ref-format), at most 244 bytes. */
export function parseBranchName(text: unknown): string | undefined {
  if (typeof text !== "string" || text === "" || Buffer.byteLength(text) > 244) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|^-/.test(text) || text === "@" || text === "HEAD")
    return undefined;
  const parts = text.split("/");
  return parts.some((part) => part.startsWith(".") || part.endsWith(".lock")) ? undefined : text;
}

/** A full ref that may be pushed: a branch, nothing else. */
export function parseBranchRef(text: unknown): string | undefined {
  if (typeof text !== "string" || !text.startsWith("refs/heads/")) return undefined;
  return parseBranchName(text.slice("refs/heads/".length)) === undefined ? undefined : text;
}

/** In a push command: "this ref does not exist (yet)". */
export const absentSha = "0".repeat(40) as Sha;
