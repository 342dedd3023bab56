/** A stand-in for a git server on loopback: real bare repositories behind git's own http-backend, one token, and every request kept. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { parseCgiHead } from "../../src/git/host/cgi.ts";

export interface GitUpstream extends AsyncDisposable {
  url: string;
  token: string;
  /** Method and target of all requests that came with the right token. */
  seen: string[];
  /** Answer every request with this instead. */
  answerWith: { status: number; headers?: Record<string, string>; body: string } | undefined;
  /** Runs git in the repository `owner/name.git`. */
  git(args: string[], input?: string): Promise<string>;
}

export const cleanGit = {
  extendEnv: false as const,
  env: {
    PATH: "/usr/bin:/bin",
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: "A",
    GIT_AUTHOR_EMAIL: "a@example.com",
    GIT_COMMITTER_NAME: "A",
    GIT_COMMITTER_EMAIL: "a@example.com",
  },
};

/** `open`: to anybody, without a token. */
export async function openGitUpstream(folder: string, { open = false } = {}): Promise<GitUpstream> {
  const repository = join(folder, "owner", "name.git");
  await execa("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository], cleanGit);
  await execa("git", ["-C", repository, "config", "http.receivepack", "true"], cleanGit);
  const token = "ghs_testtoken0123456789";
  const upstream = { seen: [] as string[], answerWith: undefined as GitUpstream["answerWith"] };
  const server = createServer((request, response) => {
    const fixed = upstream.answerWith;
    if (fixed) {
      request.resume();
      return void response.writeHead(fixed.status, fixed.headers ?? {}).end(fixed.body);
    }
    const expected = `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
    if (!open && request.headers.authorization !== expected)
      return void response.writeHead(401).end(`bad credential ${request.headers.authorization}`);
    upstream.seen.push(`${request.method} ${request.url}`);
    void serve(folder, request).then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(upstream, {
    token,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async git(args: string[], input?: string) {
      const result = await execa("git", ["-C", repository, ...args], { ...cleanGit, ...(input === undefined ? {} : { input }) });
      return result.stdout;
    },
    [Symbol.asyncDispose]: () => closeServer(server),
  });
}

/** Adds one commit to a branch of a bare repository; returns its name. */
export async function addCommit(
  git: (args: string[], input?: string) => Promise<string>,
  change: { branch: string; path: string; text: string; parent?: string },
): Promise<string> {
  const blob = await git(["hash-object", "-w", "--stdin"], change.text);
  const tree = await git(["mktree"], `100644 blob ${blob}\t${change.path}\n`);
  const parents = change.parent ? ["-p", change.parent] : [];
  const commit = await git(["commit-tree", tree, ...parents, "-m", change.text.slice(0, 100)]);
  await git(["update-ref", `refs/heads/${change.branch}`, commit]);
  return commit;
}

export async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}

async function serve(
  folder: string,
  request: IncomingMessage,
): Promise<{ status: number; headers: Record<string, string>; body: Buffer }> {
  const url = new URL(request.url ?? "", "http://x");
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const result = await execa("git", ["http-backend"], {
    extendEnv: false,
    env: {
      ...cleanGit.env,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      REMOTE_USER: "x",
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? "",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
      ...(request.headers["git-protocol"] ? { GIT_PROTOCOL: String(request.headers["git-protocol"]) } : {}),
    },
    input: Buffer.concat(chunks),
    encoding: "buffer",
    reject: false,
    stripFinalNewline: false,
  });
  const bytes = Buffer.from(result.stdout);
  const head = parseCgiHead(bytes);
  if (!head || head === "more") return { status: 500, headers: {}, body: Buffer.from("no answer") };
  return { status: head.status, headers: head.headers, body: bytes.subarray(head.bodyAt) };
}
