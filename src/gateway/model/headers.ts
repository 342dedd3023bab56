/** ◆ Which headers cross to the model API and back. What is not named here does not. */

import { formsOf } from "../../secret/forms.ts";

export interface ModelCredential {
  kind: "api-key" | "oauth";
  value: string;
}

const responseHeaders = ["content-type", "retry-after", "request-id", "x-should-retry"];
/** The API's only version so far; another would be another API. */
export const apiVersion = "2023-06-01";
const oauthBeta = "oauth-2025-04-20";

/** `betas`: those that betas.ts let pass. All other values are fixed or of a known form; the agent's own credentials end here. */
export function composeModelHeaders(of: {
  request: ReadonlyMap<string, readonly string[]>;
  betas: readonly string[];
  credential: ModelCredential;
}): Record<string, string> {
  const { request, credential } = of;
  const headers: Record<string, string> = {
    ...{ accept: "application/json", "content-type": "application/json", "anthropic-version": apiVersion, "x-app": "cli" },
    // Read along and scrubbed, so it must not come compressed.
    "accept-encoding": "identity",
  };
  const agent = request.get("user-agent")?.[0] ?? "";
  if (/^claude-cli\/\d+\.\d+\.\d+ \([a-z, -]{1,60}\)$/.test(agent)) headers["user-agent"] = agent;
  if (credential.kind === "api-key") headers["x-api-key"] = credential.value;
  else headers.authorization = `Bearer ${credential.value}`;
  const betas = credential.kind === "oauth" ? [...of.betas, oauthBeta] : of.betas;
  if (betas.length > 0) headers["anthropic-beta"] = betas.join(",");
  return headers;
}

/** `secret`: taken out of values too, since an answer may echo what it was asked. */
export function composeAnswerHeaders(
  answer: Readonly<Record<string, string | string[] | undefined>>,
  secret: string,
): Record<string, string> {
  const headers: Record<string, string> = {};
  const forms = [secret, ...formsOf(secret)];
  for (const [name, value] of Object.entries(answer)) {
    if (typeof value !== "string") continue;
    if (responseHeaders.includes(name) || name.startsWith("anthropic-ratelimit-"))
      headers[name] = forms.reduce((text, form) => text.replaceAll(form, "[removed]"), value);
  }
  return headers;
}
