/** ◆ Which door a request goes through. Targets are compared byte for byte: nothing is decoded, joined or normalised, so a path that is
 *  written differently is another path, and there is none. Upstreams never come from the request. */
import { findHttpFault, type RequestHead } from "./strict.ts";

export type GitService = "git-upload-pack" | "git-receive-pack";

export type Route =
  | { door: "none"; rule: "gateway.health"; to: "health" }
  | { door: "git"; rule: "git.run-repository"; to: "git"; service: GitService; part: "refs" | "exchange" }
  | { door: "model"; rule: "model.messages" | "model.count-tokens"; to: "model"; path: string }
  | { door: "registry"; rule: "registry.known"; to: "registry" }
  | { door: "api"; rule: "api.repository"; to: "api" };

export type RouteRefusal = {
  refused: true;
  door: "git" | "model" | "registry" | "api" | "none";
  rule: string;
  status: 400 | 403;
  why: string;
  close: boolean;
};

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["GET /healthz", { door: "none", rule: "gateway.health", to: "health" }],
  ...(["git-upload-pack", "git-receive-pack"] as const).flatMap((service): [string, Route][] => [
    [
      `GET /git/repository.git/info/refs?service=${service}`,
      { door: "git", rule: "git.run-repository", to: "git", service, part: "refs" },
    ],
    [`POST /git/repository.git/${service}`, { door: "git", rule: "git.run-repository", to: "git", service, part: "exchange" }],
  ]),
  ...["", "?beta=true"].flatMap((query): [string, Route][] => [
    [`POST /v1/messages${query}`, { door: "model", rule: "model.messages", to: "model", path: `/v1/messages${query}` }],
    [
      `POST /v1/messages/count_tokens${query}`,
      { door: "model", rule: "model.count-tokens", to: "model", path: `/v1/messages/count_tokens${query}` },
    ],
  ]),
]);

export function decideRoute(head: RequestHead): Route | RouteRefusal {
  const fault = findHttpFault(head);
  if (fault) return { refused: true, door: doorOf(head.target), ...fault, close: true };
  const route = routes.get(`${head.method} ${head.target}`) ?? findOpenRoute(head);
  if (!route) {
    const why = `${head.method} ${head.target.slice(0, 200)} is not among the requests that this run may make`;
    return { refused: true, door: doorOf(head.target), rule: "default.refuse", status: 403, why, close: head.method !== "GET" };
  }
  if (route.to === "git" && route.part === "exchange" && contentType(head) !== `application/x-${route.service}-request`) {
    return {
      refused: true,
      door: "git",
      rule: "git.content-type",
      status: 400,
      why: "not the content type of git's smart HTTP",
      close: true,
    };
  }
  return route;
}

/** Doors with more paths than a table holds. Each parses its targets by itself, and refuses what it does not know. */
function findOpenRoute({ method, target }: RequestHead): Route | undefined {
  const reads = method === "GET" || method === "HEAD";
  if (reads && target.startsWith("/registry/")) return { door: "registry", rule: "registry.known", to: "registry" };
  // gh speaks to its socket as to api.github.com, without a prefix.
  if (reads && /^(?:\/api(?:\/v3)?)?\/repos\//.test(target)) return { door: "api", rule: "api.repository", to: "api" };
  if (method === "POST" && (target === "/graphql" || target === "/api/graphql"))
    return { door: "api", rule: "api.repository", to: "api" };
  return undefined;
}

/** For the evidence only: which door somebody meant. */
function doorOf(target: string): "git" | "model" | "registry" | "api" | "none" {
  if (/^\/(?:api|repos|graphql)(?:\/|$)/.test(target)) return "api";
  if (target.startsWith("/registry/")) return "registry";
  if (target.startsWith("/git/")) return "git";
  return target.startsWith("/v1/") ? "model" : "none";
}

function contentType(head: RequestHead): string | undefined {
  const at = head.rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "content-type");
  return at < 0 ? undefined : head.rawHeaders[at + 1];
}
