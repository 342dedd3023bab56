import { existsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerJson, type ControlHandler, readBody } from "../../privilege/control-server.ts";
import { runGit } from "./run-git.ts";
import { decideVerb } from "./verb.ts";

/** One control verb: its JSON in, its JSON out. */
export type Verb = (input: Record<string, unknown>) => Promise<unknown>;

/** One that reads or writes more than fits into memory. It answers by itself. */
export type StreamingVerb = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

const inputLimitBytes = 256 * 1024 * 1024;

/** `POST /<verb>` with a JSON body, and `POST /git`, whose body is one line of JSON and then the command's stdin. */
export function createControl(
  verbs: Record<string, Verb>,
  findGitDir: (repository: unknown) => string | undefined,
  streaming: Record<string, StreamingVerb> = {},
): ControlHandler {
  return async (request, response, url) => {
    if (request.method !== "POST") return false;
    if (url.pathname === "/git") {
      await answerGit(request, response, findGitDir);
      return true;
    }
    const name = url.pathname.slice(1);
    if (Object.hasOwn(streaming, name)) {
      await streaming[name]?.(request, response);
      return true;
    }
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (!verb) return false;
    const body = await readBody(request, 1024 * 1024);
    if (!body) answerJson(response, 413, { code: "control.too-long", message: "the request is too long" });
    else answerJson(response, 200, (await verb(JSON.parse(body.toString("utf8")))) ?? {});
    return true;
  };
}

async function answerGit(
  request: IncomingMessage,
  response: ServerResponse,
  findGitDir: (repository: unknown) => string | undefined,
): Promise<void> {
  const body = await readBody(request, inputLimitBytes);
  const newline = body?.indexOf(10) ?? -1;
  if (!body || newline < 0) return answerJson(response, 413, { code: "control.too-long", message: "the request is too long" });
  const order = JSON.parse(body.toString("utf8", 0, newline)) as {
    repository: unknown;
    args: string[];
    env?: Record<string, string>;
    limitBytes?: number;
    timeoutMs?: number;
    hasInput: boolean;
  };
  const gitDir = findGitDir(order.repository);
  if (!gitDir || !existsSync(gitDir))
    return answerJson(response, 404, { code: "git.repository-missing", message: "no such repository" });
  const env = order.env ?? {};
  const decision = decideVerb(order.args, env);
  if (!decision.allowed) return answerJson(response, 403, { code: "git.refused", message: decision.why });
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const result = await runGit({
    gitDir,
    args: order.args,
    env,
    signal: gone.signal,
    ...(order.hasInput ? { input: body.subarray(newline + 1) } : {}),
    ...(order.limitBytes ? { limitBytes: order.limitBytes } : {}),
    ...(order.timeoutMs ? { timeoutMs: order.timeoutMs } : {}),
  });
  response.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-length": result.stdout.length,
    "airlock-git": Buffer.from(
      JSON.stringify({
        exitCode: result.exitCode ?? null,
        stderr: result.stderr,
        truncated: result.truncated,
        timedOut: result.timedOut,
      }),
    ).toString("base64url"),
  });
  response.end(result.stdout);
}
