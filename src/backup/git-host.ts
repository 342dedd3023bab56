import { join } from "node:path";
import type { GitHost } from "../git/client.ts";
import { startGitHost } from "../git/start.ts";
import { ensureAccounts } from "../privilege/accounts.ts";
import { ensureFolder } from "../privilege/folder.ts";
import { ensurePassage } from "../privilege/passage.ts";
import type { Place } from "../settings/place.ts";

/**
 * The git host for a moment in which no App runs: nobody else reads a run's repository, root least of all. One that outlived its App goes on
 * afterwards, since agents may be at work behind it; one that was started for this ends with it.
 */
export async function borrowGitHost({
  data,
  version,
}: {
  data: Place;
  version: string;
}): Promise<{ git: GitHost } & AsyncDisposable> {
  for (const path of [data.folder, data.runtimeFolder]) {
    await ensureFolder({ path, mode: 0o711 });
    await ensurePassage(path);
  }
  const host = await startGitHost({
    ...{ accounts: await ensureAccounts(), version, instance: data.instance },
    ...{ storeFolder: join(data.folder, "git"), socketFolder: data.runtimeFolder },
  });
  return {
    git: host.git,
    async [Symbol.asyncDispose]() {
      for (const daemon of host.daemons) await (daemon.adopted ? daemon[Symbol.asyncDispose]() : daemon.stop());
    },
  };
}
