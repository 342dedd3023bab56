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
  /^\/actions\/runs\/\d{1,15}(?:\/jobs|\/artifacts|\/attempts\/\d{1,4}(?:\/jobs)?)?$/,
  /^\/actions\/jobs\/\d{1,15}$/,
  /^\/actions\/workflows$/,
  /^\/actions\/workflows\/(?:\d{1,15}|[\w-][\w.-]{0,99}\.ya?ml)(?:\/runs)?$/,
];
const logs = /^\/actions\/(?:runs\/\d{1,15}(?:\/attempts\/\d{1,4})?|jobs\/\d{1,15})\/logs$/;
const parameters: Readonly<Record<string, RegExp>> = {
  per_page: /^\d{1,3}$/,
  page: /^\d{1,4}$/,
  state: /^(?:open|closed|all)$/,
  sort: /^(?:created|updated)$/,
  direction: /^(?:asc|desc)$/,
  filter: /^(?:latest|all)$/,
  status: /^[a-z_]{1,30}$/,
  event: /^[a-z_]{1,40}$/,
  head_sha: /^[0-9a-f]{40}$/,
  branch: /^[\w.-]+(?:(?:\/|%2F)[\w.-]+){0,20}$/,
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

/** Where GitHub sends whoever asks for a log. Storage accounts of Azure are anybody's, so only those count that GitHub lists by name for
 *  self-hosted runners: productionresultssa0 to productionresultssa19. */
export function isLogHost(url: URL, apiUrl: string): boolean {
  const api = new URL(apiUrl);
  if (api.protocol === "http:") return url.origin === api.origin;
  if (url.protocol !== "https:" || url.port !== "" || url.username !== "") return false;
  if (url.hostname.endsWith(".actions.githubusercontent.com")) return true;
  return /^productionresultssa1?\d\.blob\.core\.windows\.net$/.test(url.hostname) || url.origin === api.origin;
}

const signed = /(?:sig|signature|token|jwt|credential)=/i;
/** In JSON "&" may be written as an escape: an address goes on behind it. */
const addressEnd = /["\s<>()]|\\(?!u0026)|$/gi;

/** Takes tokens and the signed part of addresses out of an answer. */
export function scrubAnswer(text: string, token: string): string {
  return dropSigned(text.replaceAll(token, "[token]")).replace(/"temp_clone_token":\s*"[^"]*"/g, '"temp_clone_token":null');
}

/** By hand and in one pass: a pattern that begins at each "?" would read a line of many of them again from each, and this process serves every run. */
function dropSigned(text: string): string {
  let kept = "";
  let from = 0;
  for (let at = text.indexOf("?"); at >= 0; ) {
    addressEnd.lastIndex = at;
    const end = addressEnd.exec(text)?.index ?? text.length;
    if (signed.test(text.slice(at, end))) {
      kept += text.slice(from, at);
      from = end;
    }
    at = text.indexOf("?", end);
  }
  return kept + text.slice(from);
}
