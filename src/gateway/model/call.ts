import type { IncomingMessage, ServerResponse } from "node:http";
import type { Outcome } from "../outcome.ts";
import { answerRefusal } from "../refusal.ts";
import { readHeaders } from "../strict.ts";
import { parseStrictJson } from "../strict-json.ts";
import { decideBetas } from "./betas.ts";
import { apiVersion, composeAnswerHeaders, composeModelHeaders } from "./headers.ts";
import { decideBody, type ModelPolicy } from "./policy.ts";
import { createScrubber } from "./scrub.ts";
import type { ModelUpstream } from "./upstream.ts";
import { relayError } from "./upstream-error.ts";
import { createUsageMeter } from "./usage.ts";

export interface ModelCall {
  request: IncomingMessage;
  response: ServerResponse;
  /** From the route table. */
  path: string;
  policy: ModelPolicy;
  upstream: ModelUpstream;
  outcome: Outcome;
}

const longestBodyBytes = 32 * 1024 * 1024;
const bodyMs = 60_000;
/** Longer than any answer of the API; a client that does not read its answer is cut by it. */
const callMs = 1_800_000;

/** One call of the Messages API: body checked and serialised anew, key put in, answer streamed, counted and scrubbed. */
export async function serveModelCall(call: ModelCall): Promise<void> {
  const checked = await readChecked(call);
  if (!checked) return;
  const { response, upstream, outcome } = call;
  const { body, headers } = checked;
  const onward = upstream.open({ path: call.path, headers: { ...headers, "content-length": String(body.length) } });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const clock = setTimeout(() => onward.destroy(), callMs);
  // The agent left, or the door closed: nobody is to pay for the rest.
  response.on("close", () => {
    onward.destroy();
    resolve();
  });
  onward.on("error", () => {
    if (!response.headersSent && !response.destroyed) {
      outcome.bytesOut += answerRefusal(response, {
        status: 502,
        rule: "model.away",
        why: "the model API could not be reached",
        grant: "The operator checks ANTHROPIC_BASE_URL and the network",
        close: false,
      });
    } else response.destroy();
    outcome.rule = "model.away";
  });
  onward.on("response", (answer) => void relay(answer, call).catch(() => response.destroy()));
  onward.end(body);
  await done;
  clearTimeout(clock);
}

/** Reads the body and holds it to the policy; undefined: it was refused and answered. */
async function readChecked(call: ModelCall): Promise<{ body: Buffer; headers: Record<string, string> } | undefined> {
  const { request, response, outcome, upstream } = call;
  const refuse = (answer: { status: 400 | 403 | 408 | 413; rule: string; why: string; grant?: string }) => {
    // A framing that broke has said so already.
    if (outcome.verdict === "allowed") outcome.rule = answer.rule;
    outcome.verdict = "refused";
    if (!response.destroyed) outcome.bytesOut += answerRefusal(response, { ...answer, close: true });
    return undefined;
  };
  const headers = readHeaders(request.rawHeaders);
  if (headers.has("content-encoding"))
    return refuse({ status: 400, rule: "model.encoding", why: "a compressed body is not read" });
  const type = (headers.get("content-type")?.[0] ?? "").toLowerCase().replaceAll(" ", "");
  if (type !== "application/json" && type !== "application/json;charset=utf-8") {
    return refuse({ status: 400, rule: "model.content-type", why: "the content type must be application/json" });
  }
  const version = headers.get("anthropic-version")?.[0] ?? apiVersion;
  if (version !== apiVersion)
    return refuse({ status: 403, rule: "model.api-version", why: "this version of the API is not known here" });
  const betas = decideBetas(headers.get("anthropic-beta")?.[0]);
  if (!betas.allowed) return refuse({ status: 403, ...betas });
  const chunks: Buffer[] = [];
  const clock = setTimeout(() => request.destroy(), bodyMs);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      outcome.bytesIn += chunk.length;
      if (outcome.bytesIn > longestBodyBytes)
        return refuse({ status: 413, rule: "model.too-long", why: "the body is longer than 32 MiB" });
      chunks.push(chunk);
    }
  } catch {
    return refuse({ status: 408, rule: "model.cut-off", why: "the body did not arrive" });
  } finally {
    clearTimeout(clock);
  }
  if (request.rawTrailers.length > 0) return refuse({ status: 400, rule: "http.trailer", why: "trailers are not spoken here" });
  const json = parseStrictJson(Buffer.concat(chunks));
  if (!json.ok) return refuse({ status: 400, rule: "model.json", why: json.why });
  const decision = decideBody(json.value, call.policy, call.path.startsWith("/v1/messages/count_tokens") ? "count" : "messages");
  if (!decision.allowed) return refuse({ status: 403, ...decision });
  if (betas.dropped.length > 0) outcome.rule = "model.beta-dropped";
  return {
    body: Buffer.from(JSON.stringify(json.value)),
    headers: composeModelHeaders({ request: headers, betas: betas.betas, credential: upstream.credential }),
  };
}

async function relay(answer: IncomingMessage, call: ModelCall): Promise<void> {
  const { response, outcome, upstream } = call;
  const status = answer.statusCode ?? 502;
  const scrubber = createScrubber([upstream.credential.value]);
  if (status < 200 || status > 299) return relayError(answer, { response, outcome, secret: upstream.credential.value, status });
  const contentType = answer.headers["content-type"] ?? "";
  const meter = createUsageMeter(contentType);
  response.writeHead(status, composeAnswerHeaders(answer.headers, upstream.credential.value));
  response.flushHeaders();
  const send = async (bytes: Buffer) => {
    outcome.bytesOut += bytes.length;
    if (bytes.length > 0 && !response.write(bytes)) await drained(response);
  };
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      meter.push(chunk);
      await send(scrubber.push(chunk));
    }
    await send(scrubber.flush());
    response.end();
  } finally {
    const usage = meter.result();
    if (usage) outcome.usage = usage;
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}
