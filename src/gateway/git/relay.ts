import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { endAfterBody } from "../../privilege/linger.ts";
import type { RunId } from "../../run/identity.ts";
import type { Framing } from "../framing-watch.ts";
import type { Outcome } from "../outcome.ts";
import { answerRefusal, answerRefusalInPlain, printRefusal } from "../refusal.ts";
import type { GitService } from "../route.ts";
import { findFetchRefusal, findPushRefusal, type GitRefusal, refusalOfStatus, withNote, withWords } from "./verdict.ts";

export interface GitRelay {
  request: IncomingMessage;
  response: ServerResponse;
  framing: Framing;
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
  // Passed on without it, the body would be read as what it is not.
  if (encoding !== undefined && encoding !== "gzip") {
    const refused = refusalOfStatus(415) as GitRefusal;
    Object.assign(outcome, { verdict: "refused", rule: refused.rule });
    outcome.bytesOut += answerRefusalInPlain(response, { status: 415, ...refused, close: true });
    return;
  }
  const odd = relay.framing.fault();
  if (odd) {
    Object.assign(outcome, { verdict: "refused", rule: odd.rule });
    outcome.bytesOut += answerRefusalInPlain(response, { status: 400, ...odd, close: true });
    return;
  }
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
    void relayAnswer(answer, relay).catch(() => response.destroy());
  });
  request.on("data", (chunk: Buffer) => {
    outcome.bytesIn += chunk.length;
  });
  // Before git has it whole.
  relay.framing.onFault(({ rule }) => {
    Object.assign(outcome, { verdict: "refused", rule });
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

/** More than the report on four hundred refs. */
const longestReportBytes = 128 * 1024;

/** Passes the answer on as it comes, but a push's whole: whether git took it stands at its end. */
async function relayAnswer(answer: IncomingMessage, relay: GitRelay): Promise<void> {
  const { request, response, service, part, outcome } = relay;
  const status = answer.statusCode ?? 502;
  const refuse = ({ rule }: GitRefusal) => Object.assign(outcome, { verdict: "refused", rule });
  const refused = refusalOfStatus(status);
  if (refused) {
    refuse(refused);
    answer.resume();
    outcome.bytesOut += answerRefusalInPlain(response, { status, ...refused, close: true });
    return;
  }
  if (status >= 400) outcome.rule = "git.failed";
  const headers: Record<string, string> = { "cache-control": "no-cache" };
  if (answer.headers["content-type"]) headers["content-type"] = answer.headers["content-type"];
  response.writeHead(status, headers);
  const send = async (bytes: Buffer) => {
    outcome.bytesOut += bytes.length;
    if (!response.write(bytes)) await Promise.race([once(response, "drain"), once(response, "close")]);
  };
  const pushes = service === "git-receive-pack" && part === "exchange" && status === 200;
  const report: Buffer[] = [];
  let seenBytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (response.destroyed) return;
    seenBytes += chunk.length;
    if (pushes) report.push(chunk);
    else {
      // It comes in its first packet, and that one is no longer than a chunk that a pipe gives.
      const found = seenBytes === chunk.length && part === "exchange" ? findFetchRefusal(chunk) : undefined;
      if (found) refuse(found);
      await send(found ? withWords(chunk, printRefusal(found)) : chunk);
    }
    if (pushes && seenBytes > longestReportBytes) {
      Object.assign(outcome, { verdict: "refused", rule: "git.report-too-long" });
      response.destroy();
      return;
    }
  }
  if (pushes) {
    const whole = Buffer.concat(report);
    const found = findPushRefusal(whole);
    if (found) refuse(found);
    await send(found ? withNote(whole, printRefusal(found)) : whole);
  }
  endAfterBody(request, response);
}
