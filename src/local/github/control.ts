import { authenticate } from "./auth.ts";
import type { Reply } from "./call.ts";
import type { FaultRule, Faults } from "./faults.ts";
import { GitHubError, notFound } from "./github-error.ts";
import { type Happening, happen } from "./happenings.ts";
import { atLeast, findRepository, roleOf } from "./permissions.ts";
import { announceRun } from "./rest/check-change.ts";
import type { Account, InvalidResponse, RequestLine, World } from "./state.ts";
import { countLiveTokens } from "./tokens.ts";
import type { Webhooks } from "./webhooks.ts";

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

export interface ControlRequest {
  method: string;
  path: string;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

const happeningsPath = "/_local/happenings";
const buttonPath = /^\/_local\/repos\/([^/]+)\/([^/]+)\/check-runs\/(\d+)\/requested-action$/;

/** What GitHub has no REST for, for tests and demos in other processes: GET /_local/state; GET, PUT, DELETE /_local/faults; POST
 *  /_local/happenings with what the person before the browser does (happenings.ts); and, with a user's token, POST /_local/repos/{owner}/{repo}/check-runs/{id}/requested-action {"identifier"}: the press of a check run's button. */
export async function answerControl(
  parts: { world: World; faults: Faults; webhooks: Webhooks; person: Account },
  request: ControlRequest,
): Promise<Reply> {
  const { world, faults } = parts;
  if (request.path === "/_local/state" && request.method === "GET") return { status: 200, json: readState(world) };
  const button = buttonPath.exec(request.path);
  if (button && request.method === "POST")
    return pressButton(parts, request, { owner: button[1] ?? "", name: button[2] ?? "", id: Number(button[3]) });
  if (request.path === happeningsPath && request.method === "POST") {
    await happen(parts, parseJson(request.body) as Happening, parts.person);
    return { status: 202, json: {} };
  }
  if (request.path !== "/_local/faults") throw notFound();
  if (request.method === "PUT") faults.replace(parseJson(request.body) as FaultRule[]);
  else if (request.method === "DELETE") faults.clear();
  else if (request.method !== "GET") throw notFound();
  return { status: 200, json: faults.list() };
}

/** Buttons are there once a run has completed, and for those who may write. */
function pressButton(
  { world, webhooks }: { world: World; webhooks: Webhooks },
  request: ControlRequest,
  at: { owner: string; name: string; id: number },
): Reply {
  const actor = authenticate(world, request.headers.authorization);
  const repository = findRepository(world, at.owner, at.name);
  const run = repository?.checkRuns.get(at.id);
  if (repository === undefined || run === undefined) throw notFound();
  if (actor.kind !== "user" || !atLeast(roleOf(repository, actor.account), "write"))
    throw new GitHubError(403, "Must have admin rights to Repository.");
  const { identifier } = parseJson(request.body) as { identifier?: string };
  if (run.status !== "completed" || !run.actions.some((action) => action.identifier === identifier))
    throw new GitHubError(404, "No such button");
  announceRun({ world, webhooks, repository, actor }, run, "requested_action", { requested_action: { identifier } });
  return { status: 202, json: {} };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new GitHubError(400, "Problems parsing JSON");
  }
}
