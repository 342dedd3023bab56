import type { Home } from "../run/home.ts";
import { isServedAccount } from "../settings/accounts.ts";
import { isPassing, statusOf } from "./api.ts";
import type { GitHubApp } from "./app.ts";

/**
 * Looks for a repository, by its id alone, through the App's other installations on accounts that this Airlock serves. `ask`: what GitHub
 * says through one of them; it may throw GitHub's refusal. Undefined where none reaches it.
 */
export async function searchHome(
  parts: { app: GitHubApp; accounts: readonly string[] },
  lost: { installationId: number },
  ask: (installationId: number) => Promise<Home | undefined>,
): Promise<Home | undefined> {
  // One page: an Airlock serves the few accounts that its operator names.
  const { data: installations } = await parts.app.api.rest.apps.listInstallations({ per_page: 100 });
  for (const { id, account, suspended_at: suspended } of installations) {
    if (id === lost.installationId || suspended || !account || !("login" in account)) continue;
    if (!isServedAccount(parts.accounts, account)) continue;
    try {
      const home = await ask(id);
      if (home) return home;
    } catch (error) {
      if (isPassing(error) || statusOf(error) === undefined) throw error;
    }
  }
  return undefined;
}
