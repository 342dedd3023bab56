import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { Api } from "./api.ts";
import type { Actor, Reply } from "./call.ts";
import { answerControl } from "./control.ts";
import type { FaultRule, Faults } from "./faults.ts";
import { answerGit, isGitPath } from "./git-http.ts";
import { GitHubError } from "./github-error.ts";
import { printJson } from "./json.ts";
import { answerPage } from "./pages.ts";
import { answerRegistration } from "./registration.ts";
import type { Account, World } from "./state.ts";
import type { Webhooks } from "./webhooks.ts";

export interface Parts {
  world: World;
  api: Api;
  webhooks: Webhooks;
  faults: Faults;
  /** Who sits before the browser. */
  person: Account;
  witness?: Witness | undefined;
}

/** Told of each request of a client: before anything is done, and when it was done but not answered yet. Both are waited for. */
export interface Witness {
  before(request: { method: string; path: string }): Promise<void>;
  after(request: { method: string; path: string }): Promise<void>;
}

/** Larger bodies than any push of a test. */
const limitBytes = 300_000_000;

/** One port, as a GitHub Enterprise Server has it: REST below /api/v3, git at /owner/name.git, pages elsewhere. */
export function createGitHubServer(parts: Parts): Server {
  return createServer((request, response) => {
    serve(parts, request, response).catch((error: unknown) => {
      // The client went away while its answer was written: nobody is left to tell.
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
}

async function serve(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { world, faults } = parts;
  const startedMs = world.nowMs();
  const method = request.method ?? "GET";
  const target = request.url ?? "/";
  const address = new URL(URL.canParse(target, world.url) ? target : "/not-an-address", world.url);
  const path = address.pathname;
  const fault = path.startsWith("/_local/") ? undefined : faults.take({ method, path });
  const witness = path.startsWith("/_local/") ? undefined : parts.witness;
  let who = "anonymous";
  let what: string | undefined;
  const saw = (actor: Actor, operation?: string): void => {
    who = nameOf(actor);
    what = operation;
  };
  const body = await readBody(request);
  if (fault?.delayMs !== undefined) await wait(fault.delayMs);
  await witness?.before({ method, path });
  const answered =
    faultyBefore(fault) ??
    faultyAfter(fault, await answer(parts, { method, address, headers: flat(request), body, refusal: fault?.refusePush }, saw));
  const reply = unchanged(answered, method, request.headers["if-none-match"]);
  await witness?.after({ method, path });
  if (!path.startsWith("/_local/"))
    world.requests.push({
      atMs: startedMs,
      method,
      path: path + address.search,
      status: reply.status,
      actor: who,
      durationMs: world.nowMs() - startedMs,
      operation: what,
    });
  write(response, reply, method);
}

interface Asked {
  method: string;
  address: URL;
  headers: Record<string, string | undefined>;
  body: Buffer;
  refusal: string | undefined;
}

async function answer(parts: Parts, asked: Asked, saw: (actor: Actor, operation?: string) => void): Promise<Reply> {
  const path = asked.address.pathname;
  const isGit = isGitPath(path);
  try {
    if (path.startsWith("/_local/")) return await answerControl(parts, { ...asked, path });
    if (isGit) return await answerGit(parts, asked, saw);
    if (path === "/api/graphql") throw new GitHubError(501, "The local GitHub speaks no GraphQL yet");
    if (path.startsWith("/api/v3/") || path === "/api/v3") return await parts.api.answer(asked, saw);
    if (path === "/_blobs/log") return answerBlob(parts.world, asked.address.searchParams.get("sig") ?? "");
    const form = new URLSearchParams(asked.body.toString("utf8"));
    return (
      answerRegistration(parts, { method: asked.method, address: asked.address, form }) ?? (await answerPage(parts.world, path))
    );
  } catch (error) {
    const refusal = refusalOf(parts.world, path, error);
    // Git shows plain text to its user, and nothing else.
    if (isGit)
      return {
        status: refusal.status,
        raw: { type: "text/plain; charset=utf-8", text: refusal.message },
        headers: refusal.headers,
      };
    return { status: refusal.status, json: refusal.body(), headers: refusal.headers };
  }
}

/** What a signed address opens to anybody. */
function answerBlob(world: World, signature: string): Reply {
  const blob = world.blobs.get(signature);
  if (blob === undefined) throw new GitHubError(403, "Server failed to authenticate the request.");
  return { status: 200, raw: { type: blob.type, text: blob.content } };
}

/** A mistake of ours must not pass for an answer of GitHub's. A path whose percent signs mean nothing is the client's. */
function refusalOf(world: World, path: string, error: unknown): GitHubError {
  if (error instanceof GitHubError) return error;
  if (error instanceof URIError) return new GitHubError(400, "Bad Request");
  const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
  world.invalidResponses.push({ where: path, problem });
  return new GitHubError(500, `the local GitHub failed: ${problem.split("\n")[0]}`);
}

function faultyBefore(fault: FaultRule | undefined): Reply | undefined {
  return fault?.status === undefined ? undefined : faulty(fault, fault.status);
}

function faultyAfter(fault: FaultRule | undefined, reply: Reply): Reply {
  return fault?.thenStatus === undefined ? reply : faulty(fault, fault.thenStatus);
}

function faulty(fault: FaultRule, status: number): Reply {
  return { status, json: new GitHubError(status, fault.message ?? "Server Error").body(), headers: fault.headers ?? {} };
}

/** A GET that names the answer it already has (its ETag) gets 304 and no body. */
function unchanged(reply: Reply, method: string, known: string | undefined): Reply {
  if (method !== "GET" || reply.status !== 200 || reply.json === undefined) return reply;
  const etag = `W/"${createHash("sha256").update(printJson(reply.json)).digest("hex")}"`;
  return known === etag ? { status: 304, headers: { etag } } : { ...reply, headers: { ...reply.headers, etag } };
}

/** Status 0 is no answer at all: the connection breaks. */
function write(response: ServerResponse, reply: Reply, method: string): void {
  if (reply.status === 0) {
    response.destroy();
    return;
  }
  const body = reply.raw?.text ?? (reply.json === undefined ? "" : printJson(reply.json));
  const isEmpty = reply.status === 204 || reply.status === 304;
  const type = reply.raw?.type ?? "application/json; charset=utf-8";
  response.writeHead(reply.status, {
    ...(isEmpty ? {} : { "content-type": type, "content-length": Buffer.byteLength(body) }),
    "x-github-request-id": randomUUID(),
    "x-github-media-type": "github.v3; format=json",
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": "4999",
    ...reply.headers,
  });
  response.end(method === "HEAD" || isEmpty ? undefined : body);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) throw new Error("body too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function flat(request: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
}

function nameOf(actor: Actor): string {
  if (actor.kind === "app") return `${actor.app.slug} (app)`;
  return actor.kind === "anonymous" ? "anonymous" : actor.account.login;
}
