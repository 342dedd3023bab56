import { z } from "zod";
import { exitCodes, Fault } from "../../fault.ts";
import { isPassing, statusOf } from "../../github/api.ts";
import { createGitHubApp, type GitHubApp } from "../../github/app.ts";
import { findDangerousPermissions } from "../../github/dangerous.ts";
import { explainRefusedMint } from "../../github/refused-mint.ts";
import { readMintSettings } from "../../settings.ts";
import { applyNetwork } from "../../setup/network.ts";
import type { Terminal } from "../terminal.ts";

const shape = z.strictObject({ repo: z.string(), permission: z.string(), json: z.boolean().default(false) });

/** Mints exactly what is asked for, for the one repository. Throws Fault "usage.*", "settings.*", "grant.*", "github.away". */
export async function mintToken(given: unknown, terminal: Terminal): Promise<number> {
  const options = shape.parse(given);
  const [owner = "", repo = ""] = /^([\w.-]+)\/([\w.-]+)$/.exec(options.repo)?.slice(1) ?? [];
  if (!repo) throw new Fault("usage.repo", `"${options.repo}" is no repository`, { remedy: "Write it as owner/name" });
  const permissions = parsePermissions(options.permission);
  const settings = await readMintSettings();
  applyNetwork(settings);
  const app = createGitHubApp({
    appId: settings.appId,
    privateKey: settings.privateKey,
    apiUrl: settings.github.apiUrl,
    webHost: settings.github.host,
  });
  const { permissions: held } = await app.identity();
  const dangerous = findDangerousPermissions(held);
  if (dangerous.length > 0)
    terminal.err(
      `airlock: this App holds more than Airlock ever needs, and whoever has its key holds it too: ${dangerous.join(", ")}. Take it away on the App's page.`,
    );
  const minted = await mint(app, { owner, repo, permissions });
  const told = {
    token: minted.token,
    expiresAt: minted.expires_at,
    permissions: minted.permissions,
    repository: `${owner}/${repo}`,
  };
  terminal.out(options.json ? JSON.stringify(told) : minted.token);
  return exitCodes.done;
}

async function mint(app: GitHubApp, of: { owner: string; repo: string; permissions: Record<string, string> }) {
  const { owner, repo, permissions } = of;
  const installationId = await findInstallation(app, { owner, repo });
  try {
    const { data } = await app.api.request("POST /app/installations/{installation_id}/access_tokens", {
      installation_id: installationId,
      repositories: [repo],
      permissions,
    });
    return data;
  } catch (error) {
    throw await explainRefusedMint(app, error, { installationId, repository: `${owner}/${repo}`, permissions });
  }
}

async function findInstallation(app: GitHubApp, { owner, repo }: { owner: string; repo: string }): Promise<number> {
  try {
    return (await app.api.rest.apps.getRepoInstallation({ owner, repo })).data.id;
  } catch (error) {
    if (isPassing(error))
      throw new Fault("github.away", "GitHub does not say whether the App is installed there", {
        remedy: "Try again in a moment",
        cause: error,
      });
    if (statusOf(error) !== 404) throw error;
    throw new Fault("grant.not-installed", `The App is not installed on ${owner}/${repo}`, {
      remedy: "Install it there: the App's page, Install App",
      cause: error,
    });
  }
}

/** "contents=write,issues=read"; metadata is always readable and need not be named. Throws Fault "usage.permission". */
export function parsePermissions(text: string): Record<string, "read" | "write"> {
  const permissions: Record<string, "read" | "write"> = {};
  for (const part of text.split(",").map((each) => each.trim())) {
    const [, name = "", level] = /^([a-z][a-z_]{1,40})=(read|write)$/.exec(part) ?? [];
    if (level !== "read" && level !== "write")
      throw new Fault("usage.permission", `"${part}" is no permission`, {
        remedy: "Write them as contents=write,pull_requests=read, in GitHub's names",
      });
    permissions[name] = level;
  }
  return permissions;
}
