import { Fault } from "../fault.ts";
import { isHttpError, isPassing, messageOf, statusOf } from "./api.ts";
import type { GitHubApp } from "./app.ts";
import { missingPermissions } from "./duty.ts";

/** What GitHub says of an installation. */
export interface SeenInstallation {
  permissions: Readonly<Record<string, string>>;
  /** Where its owner changes it. */
  url: string;
  suspended: boolean;
  suspendedBy?: string;
}

/**
 * What it means that GitHub gave no token, as a Fault: see `decideRefusedMint`; "github.away" asks for patience. An error that is not
 * GitHub's word comes back as it is.
 */
export async function explainRefusedMint(
  app: GitHubApp,
  error: unknown,
  asked: { installationId: number; repository: string; permissions: Readonly<Record<string, string>> },
): Promise<unknown> {
  // A store that failed, a mistake of ours: its text is not for people.
  if (!isHttpError(error)) return error;
  if (isPassing(error))
    return new Fault("github.away", "GitHub did not answer when Airlock asked for a token", {
      remedy: "It is asked again by itself",
      cause: error,
    });
  try {
    const installation = statusOf(error) === 404 ? undefined : await readInstallation(app, asked.installationId);
    const { repository, permissions } = asked;
    const told = { status: statusOf(error) ?? 0, message: messageOf(error), repository, permissions, installation };
    const { code, words, remedy } = decideRefusedMint(told);
    return new Fault(code, words, { remedy, cause: error });
  } catch (again) {
    // Not asked to the end, so not judged: whoever tries again asks again.
    return again;
  }
}

/**
 * ◆ Why there is no token for this repository: "grant.uninstalled", "grant.suspended", "grant.permission-missing" names what the App lacks
 * and where to grant it, "grant.repository-gone", or GitHub's own words as "grant.refused".
 */
export function decideRefusedMint(of: {
  status: number;
  message: string;
  repository: string;
  permissions: Readonly<Record<string, string>>;
  /** Undefined: there is none any more. */
  installation: SeenInstallation | undefined;
}): { code: string; words: string; remedy: string } {
  const { repository, installation } = of;
  const [owner = ""] = repository.split("/");
  if (!installation)
    return {
      code: "grant.uninstalled",
      words: `The App is not installed for ${owner} any more: somebody took it away, so that it reaches nothing of ${repository}`,
      remedy: "If the App shall work there again, install it again, then ask again",
    };
  if (installation.suspended)
    return {
      code: "grant.suspended",
      words: `${installation.suspendedBy ?? "Somebody"} suspended the App's installation for ${owner}, so that it reaches nothing of ${repository}`,
      remedy: `Whoever administers ${owner} lifts that at ${installation.url}; then ask again`,
    };
  const missing = of.status === 422 ? missingPermissions(of.permissions, installation.permissions) : [];
  if (missing.length > 0)
    return {
      code: "grant.permission-missing",
      words: `The App lacks a permission in ${repository}: ${missing.join(", ")}`,
      remedy: `Set it in the App's settings under "Permissions & events", then accept the change for the installation: ${installation.url}`,
    };
  if (of.status === 422)
    return {
      code: "grant.repository-gone",
      words: `The App does not reach ${repository} any more: the repository was deleted, or transferred to an account where this App does not work, or taken out of the App's installation`,
      remedy: `If it is still there, add it to the App's installation at ${installation.url}, then ask again`,
    };
  return {
    code: "grant.refused",
    words: `GitHub gave no token for ${repository}: ${of.message}`,
    remedy: "See whether the App is still installed there and not suspended",
  };
}

async function readInstallation(app: GitHubApp, id: number): Promise<SeenInstallation | undefined> {
  try {
    const { data } = await app.api.rest.apps.getInstallation({ installation_id: id });
    const permissions = Object.fromEntries(
      Object.entries(data.permissions).flatMap(([name, level]) => (typeof level === "string" ? [[name, level]] : [])),
    );
    const by = data.suspended_by?.login;
    return { permissions, url: data.html_url, suspended: Boolean(data.suspended_at), ...(by && { suspendedBy: by }) };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
