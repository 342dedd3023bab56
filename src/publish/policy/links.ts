import type { Reason } from "../../run/outcome.ts";
import { printable } from "../inspect.ts";
import { canonPath } from "./canon.ts";

/** A symbolic link of the work's. `target`: undefined where it is longer than a path can be. */
export interface Link {
  path: string;
  target: string | undefined;
}

/** Why a link matters; undefined where it stays in the tree. */
export type LinkTrouble = "absolute" | "leaves" | "git" | "unreadable";

const words: Record<LinkTrouble, string> = {
  absolute: "leads to a fixed place on the machine of whoever checks it out",
  leaves: "leads out of the repository",
  git: "leads into git's own folder",
  unreadable: "cannot be read",
};

/** ◆ Where a link leads, read as the most forgiving disk would: "\\" and drive letters count, and so does `.git` in any spelling. */
export function findLinkTrouble({ path, target }: Link): LinkTrouble | undefined {
  if (target === undefined || target === "" || target.includes("\0")) return "unreadable";
  const plain = target.replaceAll("\\", "/");
  if (plain.startsWith("/") || plain.startsWith("~") || /^[a-z]:/i.test(plain)) return "absolute";
  const at = path.split("/").slice(0, -1);
  for (const part of plain.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") at.push(part);
    else if (at.pop() === undefined) return "leaves";
  }
  // Also where the way only passes through it.
  return [...at, ...plain.split("/")].some((part) => canonPath(part).text === ".git") ? "git" : undefined;
}

/** ◆ A link that stays inside is only told; any other waits for a person. */
export function decideLinks(links: readonly Link[]): { hold: Reason[]; notes: string[] } {
  const judged = links.map((link) => ({ ...link, trouble: findLinkTrouble(link) }));
  return {
    hold: judged.flatMap(({ path, target, trouble }) =>
      trouble
        ? [{ code: "publish.link", words: `${printable(path)} (rule link): It ${words[trouble]}${printTarget(target)}.` }]
        : [],
    ),
    notes: judged
      .filter(({ trouble }) => trouble === undefined)
      .map(({ path, target }) => `symbolic link: \`${printable(path)}\` to \`${printable(target ?? "")}\``),
  };
}

function printTarget(target: string | undefined): string {
  return target ? `, to ${printable(target)}` : "";
}
