/** ◆ What of GitHub's REST API a run may read: these paths of its own repository, with these few query parameters. */

export interface ApiRequest {
  /** Path and query for GitHub, built anew from what was parsed. */
  path: string;
  /** The answer is a redirect to where GitHub keeps its logs, which the gateway follows by itself. */
  redirected: boolean;
}

const paths: readonly RegExp[] = [
  /^$/,
  /^\/(?:issues|pulls)$/,
  /^\/(?:issues|pulls)\/\d{1,10}$/,
  /^\/issues\/\d{1,10}\/(?:comments|labels)$/,
  /^\/pulls\/\d{1,10}\/(?:files|commits|reviews|comments)$/,
  /^\/commits\/[0-9a-f]{40}\/(?:check-runs|check-suites|status)$/,
  /^\/check-runs\/\d{1,15}(?:\/annotations)?$/,
  /^\/actions\/runs$/,
  /^\/actions\/runs\/\d{1,15}(?:\/jobs|\/attempts\/\d{1,4}(?:\/jobs)?)?$/,
  /^\/actions\/workflows(?:\/\d{1,15})?$/,
];
const logs = /^\/actions\/(?:runs\/\d{1,15}(?:\/attempts\/\d{1,4})?|jobs\/\d{1,15})\/logs$/;
const parameters: Readonly<Record<string, RegExp>> = {
  per_page: /^\d{1,3}$/,
  page: /^\d{1,4}$/,
  state: /^(?:open|closed|all)$/,
  sort: /^(?:created|updated)$/,
  direction: /^(?:asc|desc)$/,
  filter: /^(?:latest|all)$/,
  exclude_pull_requests: /^(?:true|false)$/,
};

/** `below`: the target after "/repos/owner/name". */
export function parseApiPath(repository: string, below: string): ApiRequest | undefined {
  const [path = "", query, ...more] = below.split("?");
  const redirected = logs.test(path);
  if (more.length > 0 || (!redirected && !paths.some((known) => known.test(path)))) return undefined;
  const seen = new Set<string>();
  for (const pair of query?.split("&") ?? []) {
    const [name = "", value = ""] = pair.split("=");
    if (seen.has(name) || !Object.hasOwn(parameters, name) || !parameters[name]?.test(value) || pair !== `${name}=${value}`)
      return undefined;
    seen.add(name);
  }
  return { path: `/repos/${repository}${path}${query ? `?${query}` : ""}`, redirected };
}

/** Where GitHub sends whoever asks for a log. Storage accounts of Azure are anybody's, so only those of GitHub's own pattern count. */
export function isLogHost(url: URL, apiUrl: string): boolean {
  const api = new URL(apiUrl);
  if (api.protocol === "http:") return url.origin === api.origin;
  if (url.protocol !== "https:" || url.port !== "" || url.username !== "") return false;
  if (url.hostname.endsWith(".actions.githubusercontent.com")) return true;
  return /^productionresultssa\d{1,3}\.blob\.core\.windows\.net$/.test(url.hostname) || url.origin === api.origin;
}

const signed = /\?[^"\s<>()\\]*(?:sig|signature|token|jwt|credential)=[^"\s<>()\\]*/gi;

/** Takes tokens and the signed part of addresses out of an answer. */
export function scrubAnswer(text: string, token: string): string {
  return text
    .replaceAll(token, "[token]")
    .replace(signed, "")
    .replace(/"temp_clone_token":\s*"[^"]*"/g, '"temp_clone_token":null');
}
