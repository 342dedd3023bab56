import { authenticate } from "./auth.ts";
import type { Actor, Call, Reply, RepositoryCall, Route, Routes } from "./call.ts";
import type { Contract, Operation, Problem } from "./contract.ts";
import { GitHubError, notFound } from "./github-error.ts";
import { withoutBigIntegers } from "./json.ts";
import { byName, findFormer, movedTo } from "./moved.ts";
import { allow, canSee, findRepository } from "./permissions.ts";
import { accountRoutes } from "./rest/accounts.ts";
import { actionsRoutes } from "./rest/actions.ts";
import { appRoutes } from "./rest/apps.ts";
import { checkRoutes } from "./rest/checks.ts";
import { commentRoutes } from "./rest/comments.ts";
import { contentRoutes } from "./rest/contents.ts";
import { deliveryRoutes } from "./rest/deliveries.ts";
import { gitDataRoutes } from "./rest/git-data.ts";
import { gitRefRoutes } from "./rest/git-refs.ts";
import { issueRoutes } from "./rest/issues.ts";
import { labelRoutes } from "./rest/labels.ts";
import { pullRoutes } from "./rest/pulls.ts";
import { reactionRoutes } from "./rest/reactions.ts";
import { repositoryRoutes } from "./rest/repositories.ts";
import { reviewRoutes } from "./rest/reviews.ts";
import type { World } from "./state.ts";
import type { Webhooks } from "./webhooks.ts";

export interface ApiRequest {
  method: string;
  /** The whole address; its path begins with /api/v3. */
  address: URL;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

/** Every operation with a handler. Each is in GitHub's description, or its route could never be reached (a unit test holds them together). */
export const routes: Routes = {
  ...accountRoutes,
  ...actionsRoutes,
  ...appRoutes,
  ...checkRoutes,
  ...commentRoutes,
  ...contentRoutes,
  ...deliveryRoutes,
  ...gitDataRoutes,
  ...gitRefRoutes,
  ...issueRoutes,
  ...labelRoutes,
  ...pullRoutes,
  ...reactionRoutes,
  ...repositoryRoutes,
  ...reviewRoutes,
};

export interface Api {
  /** Throws GitHubError for whatever GitHub refuses. `saw` learns who asked and for what, as soon as that is known. */
  answer(request: ApiRequest, saw: (actor: Actor, operation: string | undefined) => void): Promise<Reply>;
}

/** GitHub's order: who are you (401), can you see it (404), may you (403), is the request right (422), then the answer, which is held to the
 *  description too: an answer of ours that GitHub would not give is a 500 and is kept in `world.invalidResponses`. */
export function createApi(parts: { world: World; contract: Contract; webhooks: Webhooks }): Api {
  const { world, contract, webhooks } = parts;
  return {
    answer: async (request, saw) => {
      const actor = authenticate(world, request.headers.authorization);
      const path = byName(world, request.address.pathname.slice("/api/v3".length));
      const found = contract.match(request.method, path);
      saw(actor, found?.operation.id);
      const route = found && routes[found.operation.id];
      if (found === undefined || route === undefined) throw notFound();
      const params = { ...Object.fromEntries(request.address.searchParams), ...found.params };
      const call: Call = {
        world,
        webhooks,
        actor,
        params,
        body: {},
        accept: request.headers.accept ?? "",
        address: request.address,
      };
      const ready = admit(call, route, request.method);
      refuseProblem(found.operation, contract.problemOfParams(found.operation, params));
      ready.body = parseBody(found.operation, request);
      if (found.operation.bodyRequired || request.body.length > 0)
        refuseProblem(found.operation, contract.problemOfBody(found.operation, ready.body));
      const reply = await route.answer(ready as RepositoryCall);
      if (reply.raw !== undefined) return reply;
      const problem = contract.problemOfResponse(found.operation, reply.status, withoutBigIntegers(reply.json));
      if (problem === undefined) return reply;
      world.invalidResponses.push({
        where: `${found.operation.id} ${reply.status}`,
        problem: `${problem.field} ${problem.message}`.trim(),
      });
      throw new GitHubError(
        500,
        `the local GitHub answered ${found.operation.id} against GitHub's description: ${problem.field} ${problem.message}`,
      );
    },
  };
}

/** Who may come in, before anything of the request but its path is looked at. */
function admit(call: Call, route: Route, method: string): Call {
  const { actor } = call;
  switch (route.by) {
    case "anyone":
      return call;
    case "app":
      if (actor.kind !== "app") throw new GitHubError(401, "A JSON web token could not be decoded");
      return call;
    case "installation":
      if (actor.kind !== "installation") throw new GitHubError(401, "Requires authentication");
      return call;
    case "user":
      if (actor.kind === "anonymous") throw new GitHubError(401, "Requires authentication");
      return call;
    case "repository": {
      const repository = findRepository(call.world, String(call.params.owner), String(call.params.repo));
      if (repository === undefined) throw findMoved(call, method) ?? notFound();
      const inside: RepositoryCall = { ...call, repository };
      allow(inside, route);
      if (repository.archived && method !== "GET") throw new GitHubError(403, "Repository was archived so is read-only.");
      return inside;
    }
  }
}

/** A name that was given up leads to where the repository is now, for those who see it. */
function findMoved(call: Call, method: string): GitHubError | undefined {
  const to = findFormer(call.world, String(call.params.owner), String(call.params.repo));
  if (to === undefined || !canSee(to, call.actor)) return undefined;
  const rest = call.address.pathname.replace(/^\/api\/v3\/repos\/[^/]+\/[^/]+/, "");
  return movedTo(call.world, call.address, { repository: to, rest, status: method === "GET" || method === "HEAD" ? 301 : 307 });
}

function parseBody(operation: Operation, request: ApiRequest): Record<string, unknown> {
  if (!operation.hasBody || request.body.length === 0) return {};
  try {
    return JSON.parse(request.body.toString("utf8")) as Record<string, unknown>;
  } catch {
    throw new GitHubError(400, "Problems parsing JSON");
  }
}

function refuseProblem(operation: Operation, problem: Problem | undefined): void {
  if (problem === undefined) return;
  const field = problem.field === "" ? "the body" : `"${problem.field}"`;
  const code = problem.message === "is missing" ? "missing_field" : "invalid";
  const errors = [{ resource: operation.id.split("/")[0], field: problem.field, code, message: problem.message }];
  throw new GitHubError(422, `Invalid request. For ${operation.id}, ${field} ${problem.message}.`, { errors });
}
