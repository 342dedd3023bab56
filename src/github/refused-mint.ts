import { Fault } from "../fault.ts";
import { isHttpError, isPassing, messageOf, statusOf } from "./api.ts";
import type { GitHubApp } from "./app.ts";
import { missingPermissions } from "./duty.ts";

/**
 * What it means that GitHub gave no token, as a Fault: "grant.permission-missing" names what the App lacks and where to grant it,
 * "grant.refused" gives GitHub's own words, "github.away" asks for patience. An error that is not GitHub's word comes back as it is.
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
  if (statusOf(error) === 422) {
    const { data } = await app.api.rest.apps.getInstallation({ installation_id: asked.installationId });
    const held = Object.fromEntries(
      Object.entries(data.permissions).flatMap(([k, v]) => (typeof v === "string" ? [[k, v]] : [])),
    );
    const missing = missingPermissions(asked.permissions, held);
    if (missing.length > 0)
      return new Fault("grant.permission-missing", `The App lacks a permission in ${asked.repository}: ${missing.join(", ")}`, {
        remedy: `Set it in the App's settings under "Permissions & events", then accept the change for the installation: ${data.html_url}`,
        cause: error,
      });
  }
  return new Fault("grant.refused", `GitHub gave no token for ${asked.repository}: ${messageOf(error)}`, {
    remedy: "See whether the App is still installed there and not suspended",
    cause: error,
  });
}
