import { spawn } from "node:child_process";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";

/** Stands in for a run's gateway: a socket in a folder, a bare repository behind git's own http-backend, a canned model. */
export interface SandboxDoor extends AsyncDisposable {
  /** What the sandbox mounts. */
  folder: string;
  repository: string;
  /** The commit that `main` starts at. */
  base: string;
  /** Method and path of each request, in order. */
  requests: string[];
  /** Bodies of the requests to /v1/messages, parsed. */
  modelRequests: Record<string, unknown>[];
  git(...args: string[]): Promise<string>;
}

/** `files`: of the first commit. `turns`: what the model answers, one after the other; the last is repeated. */
export async function openDoor(of: {
  run: string;
  uid: number;
  files?: Record<string, string>;
  turns?: readonly Turn[];
  /** Hosts that tunnels are said to go to. */
  tunnels?: readonly string[];
  /** Whether the git host behind it is away at this request, given those before it. */
  gitAway?: (request: string, before: readonly string[]) => boolean;
}): Promise<SandboxDoor> {
  const root = await mkdtemp(path.join(tmpdir(), "airlock-door-"));
  const folder = path.join(root, "door");
  const repository = path.join(root, "repository.git");
  const env = { PATH: process.env.PATH ?? "", HOME: root, GIT_CONFIG_NOSYSTEM: "1", ...identity };
  const git = async (...args: string[]) => (await execa("git", ["-C", repository, ...args], { env, extendEnv: false })).stdout;
  await execa("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository], { env, extendEnv: false });
  await git("config", "http.receivepack", "true");
  const base = await commitFiles(repository, of.files ?? { "README.md": "hello\n" }, env);
  await execa("mkdir", [folder]);

  const requests: string[] = [];
  const modelRequests: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    const before = [...requests];
    requests.push(`${request.method} ${request.url}`);
    const { pathname, search } = new URL(request.url ?? "/", "http://door");
    if (pathname === "/healthz")
      return void response
        .setHeader("content-type", "application/json")
        .end(JSON.stringify({ run: of.run, tunnels: of.tunnels }));
    if (pathname.startsWith("/git/") && of.gitAway?.(`${request.method} ${request.url}`, before))
      return void response.writeHead(502).end();
    if (pathname.startsWith("/git/"))
      return serveGit({ request, response, root, pathInfo: pathname.slice("/git".length), query: search.slice(1) });
    if (pathname === "/v1/messages") return void answerModel(request, response, of.turns ?? [], modelRequests);
    response.writeHead(403).end();
  });
  const socket = path.join(folder, "gateway.sock");
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  await chown(socket, of.uid, of.uid);
  await chmod(folder, 0o711);
  await chmod(root, 0o711);
  return {
    folder,
    repository,
    base,
    requests,
    modelRequests,
    git,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** One answer of the canned model. */
export type Turn = { text: string } | { tool: string; input: Record<string, unknown> };

const identity = {
  GIT_AUTHOR_NAME: "Tester",
  GIT_AUTHOR_EMAIL: "tester@example.invalid",
  GIT_COMMITTER_NAME: "Tester",
  GIT_COMMITTER_EMAIL: "tester@example.invalid",
};

async function commitFiles(repository: string, files: Record<string, string>, env: Record<string, string>): Promise<string> {
  const lines = ["commit refs/heads/main", "committer Tester <tester@example.invalid> 1700000000 +0000", "data 5", "First"];
  for (const [name, content] of Object.entries(files))
    lines.push(`M 100644 inline ${name}`, `data ${Buffer.byteLength(content)}`, content);
  await execa("git", ["-C", repository, "fast-import", "--quiet"], { env, extendEnv: false, input: `${lines.join("\n")}\n` });
  return (await execa("git", ["-C", repository, "rev-parse", "main"], { env, extendEnv: false })).stdout;
}

function serveGit(of: {
  request: IncomingMessage;
  response: ServerResponse;
  root: string;
  pathInfo: string;
  query: string;
}): void {
  const { request, response } = of;
  const backend = spawn("git", ["http-backend"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      PATH: process.env.PATH ?? "",
      GIT_PROJECT_ROOT: of.root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: of.pathInfo,
      QUERY_STRING: of.query,
      REQUEST_METHOD: request.method ?? "",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      CONTENT_LENGTH: request.headers["content-length"] ?? "",
      HTTP_CONTENT_ENCODING: `${request.headers["content-encoding"] ?? ""}`,
      GIT_PROTOCOL: `${request.headers["git-protocol"] ?? ""}`,
    },
  });
  request.pipe(backend.stdin);
  backend.stdin.on("error", () => {});
  let head = Buffer.alloc(0);
  let answered = false;
  backend.stdout.on("data", (chunk: Buffer) => {
    if (answered) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    answered = true;
    for (const line of head.toString("latin1", 0, end).split("\r\n")) {
      const [name = "", value = ""] = line.split(": ");
      if (name === "Status") response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.write(head.subarray(end + 4));
  });
  backend.once("close", () => response.end());
}

async function answerModel(
  request: IncomingMessage,
  response: ServerResponse,
  turns: readonly Turn[],
  seen: Record<string, unknown>[],
) {
  let body = "";
  for await (const part of request.setEncoding("utf8")) body += part;
  const asked = JSON.parse(body) as Record<string, unknown>;
  seen.push(asked);
  const turn = turns[Math.min(seen.length, turns.length) - 1];
  if (!turn) return void response.writeHead(403).end();
  const usage = { input_tokens: 10, output_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const message = {
    id: `msg_${seen.length}`,
    type: "message",
    role: "assistant",
    model: asked.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  };
  const block =
    "text" in turn ? { type: "text", text: "" } : { type: "tool_use", id: `toolu_${seen.length}`, name: turn.tool, input: {} };
  const delta =
    "text" in turn
      ? { type: "text_delta", text: turn.text }
      : { type: "input_json_delta", partial_json: JSON.stringify(turn.input) };
  const stop_reason = "text" in turn ? "end_turn" : "tool_use";
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of [
    { type: "message_start", message },
    { type: "content_block_start", index: 0, content_block: block },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 5 } },
    { type: "message_stop" },
  ])
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}
