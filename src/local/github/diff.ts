import { git } from "./git.ts";
import { apiUrl, htmlUrl } from "./render/repositories.ts";
import type { Repository, World } from "./state.ts";

const plain = ["--no-ext-diff", "--no-textconv", "--no-color"];
const statuses: Record<string, string> = { A: "added", M: "modified", D: "removed", T: "changed", R: "renamed", C: "copied" };

/** The unified diff between two commits, as GitHub's media type "diff" gives it. */
export function readDiff(folder: string, from: string, to: string): Promise<string> {
  return git(folder, ["diff", ...plain, "-M", from, to, "--"]);
}

/** GitHub's "diff entries": each changed file with counts and its part of the patch. */
export async function renderFiles(of: {
  world: World;
  repository: Repository;
  from: string;
  to: string;
}): Promise<Record<string, unknown>[]> {
  const { world, repository, from, to } = of;
  const folder = repository.folder;
  const raw = (await git(folder, ["diff", ...plain, "-z", "-M", "--raw", "--no-abbrev", from, to, "--"])).split("\0");
  const files: Record<string, unknown>[] = [];
  for (let at = 0; at < raw.length - 1; ) {
    const [, , , blob = "", letter = ""] = (raw[at] ?? "").split(" ");
    const moved = letter.startsWith("R") || letter.startsWith("C");
    const previous = raw[at + 1] ?? "";
    const name = (moved ? raw[at + 2] : previous) ?? "";
    at += moved ? 3 : 2;
    const paths = moved ? [previous, name] : [name];
    const patch = await git(folder, ["diff", ...plain, "-M", from, to, "--", ...paths.map((path) => `:(literal)${path}`)]);
    const hunks = patch.slice(patch.search(/^@@ /m)).replace(/\n$/, "");
    const lines = patch.includes("\n@@ ") ? hunks.split("\n") : [];
    const additions = lines.filter((line) => line.startsWith("+")).length;
    const deletions = lines.filter((line) => line.startsWith("-")).length;
    const path = encodeURIComponent(name).replaceAll("%2F", "/");
    files.push({
      sha: /^0+$/.test(blob) ? null : blob,
      filename: name,
      status: statuses[letter[0] ?? ""] ?? "changed",
      additions,
      deletions,
      changes: additions + deletions,
      blob_url: `${htmlUrl(world, repository)}/blob/${to}/${path}`,
      raw_url: `${htmlUrl(world, repository)}/raw/${to}/${path}`,
      contents_url: `${apiUrl(world, repository)}/contents/${path}?ref=${to}`,
      ...(lines.length > 0 ? { patch: hunks } : {}),
      ...(moved ? { previous_filename: previous } : {}),
    });
  }
  return files;
}
