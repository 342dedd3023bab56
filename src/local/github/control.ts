import type { Reply } from "./call.ts";
import type { FaultRule, Faults } from "./faults.ts";
import { notFound } from "./github-error.ts";
import type { InvalidResponse, RequestLine, World } from "./state.ts";
import { countLiveTokens } from "./tokens.ts";

/** What happened so far, in numbers, and every request. */
export interface LocalState {
  tokens: { minted: number; live: number; revoked: number };
  issues: number;
  pulls: number;
  comments: number;
  checkRuns: number;
  deliveries: number;
  invalidResponses: InvalidResponse[];
  requests: RequestLine[];
}

export function readState(world: World): LocalState {
  const repositories = [...world.repositories.values()];
  const issues = repositories.flatMap((repository) => [...repository.issues.values()]);
  const tokens = [...world.tokens.values()];
  return {
    tokens: {
      minted: tokens.length,
      live: countLiveTokens(world),
      revoked: tokens.filter(({ revokedAtMs }) => revokedAtMs !== undefined).length,
    },
    issues: issues.filter(({ pull }) => pull === undefined).length,
    pulls: issues.filter(({ pull }) => pull !== undefined).length,
    comments: repositories.reduce((sum, { comments }) => sum + comments.size, 0),
    checkRuns: repositories.reduce((sum, { checkRuns }) => sum + checkRuns.size, 0),
    deliveries: world.deliveries.length,
    invalidResponses: world.invalidResponses,
    requests: world.requests,
  };
}

/** /_local/state and /_local/faults: not GitHub's, for tests and demos in other processes. */
export function answerControl(
  parts: { world: World; faults: Faults },
  request: { method: string; path: string; body: Buffer },
): Reply {
  const { world, faults } = parts;
  if (request.path === "/_local/state" && request.method === "GET") return { status: 200, json: readState(world) };
  if (request.path !== "/_local/faults") throw notFound();
  if (request.method === "PUT") faults.replace(JSON.parse(request.body.toString("utf8")) as FaultRule[]);
  else if (request.method === "DELETE") faults.clear();
  else if (request.method !== "GET") throw notFound();
  return { status: 200, json: faults.list() };
}
