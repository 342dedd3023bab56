import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { endAfterBody } from "../../privilege/linger.ts";
import type { RunId } from "../../run/identity.ts";
import type { Outcome } from "../outcome.ts";
import { answerRefusal } from "../refusal.ts";
import type { GitService } from "../route.ts";

export interface GitRelay {
  request: IncomingMessage;
  response: ServerResponse;
  run: RunId;
  service: GitService;
  part: "refs" | "exchange";
  backendSocket: string;
  outcome: Outcome;
}

/** Passes one request of smart HTTP to the git host, for the run's own repository, streaming both ways. Resolves when it has ended. */
export async function serveGit(relay: GitRelay): Promise<void> {
  const { request, response, service, part, outcome } = relay;
  const encoding = request.headers["content-encoding"];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const onward = httpRequest({
    socketPath: relay.backendSocket,
    agent: false,
    method: part === "refs" ? "GET" : "POST",
    path: part === "refs" ? `/${relay.run}.git/info/refs?service=${service}` : `/${relay.run}.git/${service}`,
    headers: {
      // The far end must not close first: the last, empty write would then break an exchange that is already answered.
      connection: "keep-alive",
      ...(part === "exchange" ? { "content-type": `application/x-${service}-request` } : {}),
      ...(encoding === "gzip" ? { "content-encoding": "gzip" } : {}),
      // It becomes an environment variable further in: this one value, or nothing.
      ...(request.headers["git-protocol"] === "version=2" ? { "git-protocol": "version=2" } : {}),
    },
  });
  let answered = false;
  response.on("close", () => {
    onward.destroy();
    resolve();
  });
  onward.on("error", () => {
    // It answered before it had read all, and closed: its answer is what counts, and has its own error.
    if (answered) return;
    if (response.destroyed) return;
    outcome.rule = "git.away";
    const grant = "The operator reads the git host's log";
    outcome.bytesOut += answerRefusal(response, {
      status: 502,
      rule: "git.away",
      why: "the git host does not answer",
      grant,
      close: true,
    });
  });
  onward.on("response", (answer) => {
    answered = true;
    const headers: Record<string, string> = { "cache-control": "no-cache" };
    if (answer.headers["content-type"]) headers["content-type"] = answer.headers["content-type"];
    response.writeHead(answer.statusCode ?? 502, headers);
    answer.on("data", (chunk: Buffer) => {
      outcome.bytesOut += chunk.length;
    });
    answer.on("error", () => response.destroy());
    answer.pipe(response, { end: false });
    answer.on("end", () => endAfterBody(request, response));
  });
  request.on("data", (chunk: Buffer) => {
    outcome.bytesIn += chunk.length;
  });
  request.on("end", () => {
    if (request.rawTrailers.length === 0) return;
    outcome.verdict = "refused";
    outcome.rule = "http.trailer";
    response.destroy();
  });
  request.pipe(onward);
  onward.on("close", () => {
    request.unpipe(onward);
    // Git may answer before it has read all: the rest is read here, or the sender waits for ever.
    request.resume();
  });
  await done;
}
