import { type KnownPackages, nothingKnown } from "../gateway/registry/known.ts";
import { isManifest, manifestLimitBytes, readManifests } from "../gateway/registry/manifests.ts";
import type { GitHost } from "../git/client.ts";
import type { RunId, Sha } from "../run/identity.ts";

const mostFiles = 200;

/** Which packages the commit's lock files and manifests name, in the root and in subfolders. Read at the commit that was pinned: a
 *  branch of the agent's making cannot add one. */
export async function readKnownPackages(git: GitHost, run: RunId, commit: Sha): Promise<KnownPackages> {
  const listed = await git.git({ run }, ["ls-tree", "-r", "-z", "--end-of-options", commit], { truncate: true });
  if (listed.exitCode !== 0) return nothingKnown;
  const files: { path: string; text: string }[] = [];
  for (const entry of listed.stdout.toString("utf8").split("\0")) {
    const [, blob, path] = /^100(?:644|755) blob ([0-9a-f]{40})\t(.+)$/s.exec(entry) ?? [];
    if (!blob || !path || !isManifest(path) || files.length >= mostFiles) continue;
    const text = await git.git({ run }, ["cat-file", "blob", blob], { limitBytes: manifestLimitBytes, truncate: true });
    if (text.exitCode === 0) files.push({ path, text: text.stdout.toString("utf8") });
  }
  return readManifests(files);
}
