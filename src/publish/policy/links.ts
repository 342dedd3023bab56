import type { Reason } from "../../run/outcome.ts";
import { printable } from "../inspect.ts";
import { canonPath } from "./canon.ts";

/** A symbolic link of the work's. `target`: undefined where it is longer than a path can be. */
export interface Link {
  path: string;
  target: string | undefined;
}

/** Why a link matters; undefined where it stays in the tree. */
export type LinkTrouble = "absolute" | "leaves" | "detour" | "git" | "unreadable";

const words: Record<LinkTrouble, string> = {
  absolute: "leads to a fixed place on the machine of whoever checks it out",
  leaves: "leads out of the repository",
  detour: "goes back from a name that may be a link itself, so that its text does not say where it leads",
  git: "leads into git's own folder",
  unreadable: "cannot be read",
};

/** ◆ Where a link leads, read as the most forgiving disk would: "\\" and drive letters count, and so does `.git` in any spelling. */
export function findLinkTrouble({ path, target }: Link): LinkTrouble | undefined {
  if (target === undefined || target === "" || target.includes("\0")) return "unreadable";
  const plain = target.replaceAll("\\", "/");
  if (plain.startsWith("/") || plain.startsWith("~") || /^[a-z]:/i.test(plain)) return "absolute";
  // Also where the way only passes through it. Windows knows it by its short name too.
  if ([...path.split("/"), ...plain.split("/")].some((part) => /^(?:\.git|git~\d)$/.test(canonPath(part).text))) return "git";
  const at = path.split("/").slice(0, -1);
  let [named, detour] = [false, false];
  for (const part of plain.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") {
      at.push(part);
      named = true;
    }
    // Behind a name that is a link ".." leads to the folder above wherever that one leads: two links that each stay inside leave together.
    else if (at.pop() === undefined) return "leaves";
    else detour ||= named;
  }
  return detour ? "detour" : undefined;
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
