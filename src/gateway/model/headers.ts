/** ◆ Which headers cross to the model API and back. What is not named here does not. */

export interface ModelCredential {
  kind: "api-key" | "oauth";
  value: string;
}

const requestHeaders = ["anthropic-version", "anthropic-beta", "accept", "user-agent", "x-app"];
const responseHeaders = ["content-type", "retry-after", "request-id", "x-should-retry"];
const oauthBeta = "oauth-2025-04-20";

/** The agent's own credentials are not among them, so they end here. */
export function composeModelHeaders(
  request: ReadonlyMap<string, readonly string[]>,
  credential: ModelCredential,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of requestHeaders) {
    const value = request.get(name)?.[0];
    if (value !== undefined && /^[\x20-\x7e]{0,2048}$/.test(value)) headers[name] = value;
  }
  headers["content-type"] = "application/json";
  // Read along and scrubbed, so it must not come compressed.
  headers["accept-encoding"] = "identity";
  if (credential.kind === "api-key") headers["x-api-key"] = credential.value;
  else {
    headers.authorization = `Bearer ${credential.value}`;
    const betas = (headers["anthropic-beta"] ?? "").split(",").map((beta) => beta.trim());
    headers["anthropic-beta"] = [...new Set([...betas, oauthBeta])].filter((beta) => beta !== "").join(",");
  }
  return headers;
}

/** `secret`: taken out of values too, since an answer may echo what it was asked. */
export function composeAnswerHeaders(
  answer: Readonly<Record<string, string | string[] | undefined>>,
  secret: string,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer)) {
    if (typeof value !== "string") continue;
    if (responseHeaders.includes(name) || name.startsWith("anthropic-ratelimit-"))
      headers[name] = value.replaceAll(secret, "[removed]");
  }
  return headers;
}
