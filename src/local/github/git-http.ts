import { gunzipSync } from "node:zlib";
import { actorOfBasic } from "./auth.ts";
import type { Actor, Reply } from "./call.ts";
import { findRef, gitEnvironment } from "./git.ts";
import { orderGit } from "./git-order.ts";
import { GitHubError } from "./github-error.ts";
import { findFormer } from "./moved.ts";
import { atLeast, canSee, findRepository, roleOf } from "./permissions.ts";
import { findPushProblem, type Push, parsePush, refusePush } from "./receive-pack.ts";
import { followRefUpdate, zeroSha } from "./refs.ts";
import type { Repository, World } from "./state.ts";
import { covers, tokenReaches } from "./tokens.ts";
import type { Webhooks } from "./webhooks.ts";

export interface GitRequest {
  method: string;
  address: URL;
  headers: Record<string, string | undefined>;
  body: Buffer;
  /** Refuse a push with this reason, whatever it holds. */
  refusal: string | undefined;
}

const shape = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;

export function isGitPath(path: string): boolean {
  return shape.test(path);
}

/** Git's smart HTTP, by git's own http-backend. Ours is who may do what, GitHub's refusals of a push, and what follows from one. */
export async function answerGit(
  parts: { world: World; webhooks: Webhooks },
  request: GitRequest,
  saw: (actor: Actor) => void,
): Promise<Reply> {
  const { world, webhooks } = parts;
  const [, owner = "", name = "", rest = ""] = shape.exec(decodeURI(request.address.pathname)) ?? [];
  const service = rest === "info/refs" ? request.address.searchParams.get("service") : rest;
  if (service !== "git-upload-pack" && service !== "git-receive-pack")
    throw new GitHubError(403, "Please upgrade your git client. Only smart HTTP is spoken here.");
  const actor = actorOf(world, request.headers.authorization);
  saw(actor);
  const repository = findRepository(world, owner, name);
  const moved = repository ?? findFormer(world, owner, name);
  if (repository === undefined && moved && canSee(moved, actor)) {
    const to = `${world.url}/${moved.owner.login}/${moved.name}.git/${rest}${request.address.search}`;
    throw new GitHubError(301, "Moved Permanently", { headers: { location: to } });
  }
  admit(actor, repository, service);
  if (repository.archived && service === "git-receive-pack")
    throw new GitHubError(403, "This repository was archived so it is read-only.");
  const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(request.body) : request.body;
  if (rest !== "git-receive-pack") return runBackend({ repository, request, rest, body, actor });

  const push = parsePush(body);
  const problem = request.refusal ?? (await findPushProblem({ repository, push, actor }));
  if (problem !== undefined) return refusePush(push, problem);
  const before = await readTips(repository, push);
  const reply = await runBackend({ repository, request, rest, body, actor });
  const after = await readTips(repository, push);
  if (actor.kind === "user" || actor.kind === "installation")
    for (const { ref } of push.commands.filter((command) => (after.get(command.ref) ?? zeroSha) === command.after))
      await followRefUpdate(
        { world, webhooks, repository, sender: actor.account },
        { ref, before: before.get(ref) ?? zeroSha, after: after.get(ref) ?? zeroSha },
      );
  return reply;
}

/** Git says who it is by Basic only. */
function actorOf(world: World, authorization: string | undefined): Actor {
  if (authorization === undefined) return { kind: "anonymous" };
  const [scheme = "", credential = ""] = authorization.split(/\s+/, 2);
  if (scheme.toLowerCase() !== "basic") throw askForPassword();
  try {
    return actorOfBasic(world, credential);
  } catch (error) {
    throw error instanceof GitHubError && error.status === 401 ? askForPassword("Invalid username or token.") : error;
  }
}

function admit(actor: Actor, repository: Repository | undefined, service: string): asserts repository is Repository {
  if (repository === undefined || !canSee(repository, actor))
    throw actor.kind === "anonymous" ? askForPassword() : new GitHubError(404, "Repository not found.");
  const writes = service === "git-receive-pack";
  if (actor.kind === "anonymous" && writes) throw askForPassword();
  if (actor.kind === "installation") {
    const granted =
      tokenReaches(actor.token, repository) && covers(actor.token.permissions, "contents", writes ? "write" : "read");
    if (!granted && (writes || repository.private)) throw denied(repository, actor.account.login, writes);
  }
  if (actor.kind === "user" && writes && !atLeast(roleOf(repository, actor.account), "write"))
    throw denied(repository, actor.account.login, writes);
}

function denied(repository: Repository, login: string, writes: boolean): GitHubError {
  const to = `${repository.owner.login}/${repository.name}.git`;
  return new GitHubError(403, writes ? `Permission to ${to} denied to ${login}.` : "Write access to repository not granted.");
}

function askForPassword(message = "No anonymous write access."): GitHubError {
  return new GitHubError(401, message, { headers: { "www-authenticate": 'Basic realm="GitHub"' } });
}

async function readTips(repository: Repository, push: Push): Promise<Map<string, string | undefined>> {
  const tips = push.commands.map(async ({ ref }) => [ref, await findRef(repository.folder, ref)] as const);
  return new Map(await Promise.all(tips));
}

async function runBackend(of: {
  repository: Repository;
  request: GitRequest;
  rest: string;
  body: Buffer;
  actor: Actor;
}): Promise<Reply> {
  const { repository, request, actor } = of;
  const done = await orderGit({
    args: ["http-backend"],
    env: {
      ...gitEnvironment,
      GIT_PROJECT_ROOT: repository.folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: `/${of.rest}`,
      REQUEST_METHOD: request.method,
      QUERY_STRING: request.address.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      CONTENT_LENGTH: String(of.body.length),
      GIT_PROTOCOL: request.headers["git-protocol"] ?? "",
      REMOTE_ADDR: "127.0.0.1",
      // Somebody being there is what turns receive-pack on.
      REMOTE_USER: actor.kind === "user" || actor.kind === "installation" ? actor.account.login : "",
    },
    input: of.body,
  });
  return parseCgi(Buffer.from(done.stdout));
}

function parseCgi(out: Buffer): Reply {
  const end = out.indexOf("\r\n\r\n");
  if (end < 0) throw new GitHubError(500, "git's http-backend gave no answer");
  const headers: Record<string, string> = {};
  for (const line of out.subarray(0, end).toString("latin1").split("\r\n")) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const { status = "200", "content-type": type = "text/plain", ...rest } = headers;
  return { status: Number(status.slice(0, 3)), raw: { type, text: out.subarray(end + 4) }, headers: rest };
}
