import type { IncomingMessage, ServerResponse } from "node:http";
import { type CapReached, printReached, settingOf } from "../../run/cap.ts";
import { formsOf } from "../../secret/forms.ts";
import type { Framing } from "../framing-watch.ts";
import type { Outcome } from "../outcome.ts";
import { answerRefusal } from "../refusal.ts";
import type { CallEnd, Permit } from "./budget.ts";
import { readChecked } from "./checked.ts";
import type { ModelGate } from "./gate.ts";
import { composeAnswerHeaders } from "./headers.ts";
import type { ModelPolicy } from "./policy.ts";
import { createScrubber } from "./scrub.ts";
import type { ModelUpstream } from "./upstream.ts";
import { relayError } from "./upstream-error.ts";
import { createUsageMeter } from "./usage.ts";

export interface ModelCall {
  request: IncomingMessage;
  response: ServerResponse;
  framing: Framing;
  /** From the route table. */
  path: string;
  policy: ModelPolicy;
  gate: ModelGate;
  upstream: ModelUpstream;
  outcome: Outcome;
}

/** Longer than any answer of the API; a client that does not read its answer is cut by it. */
const callMs = 1_800_000;

/** One call of the Messages API: in its turn, body checked and serialised anew, paid for in advance, key put in, answer streamed, counted
 *  and scrubbed. */
export async function serveModelCall(call: ModelCall): Promise<void> {
  const { response, gate, path } = call;
  const limitedUntilMs = call.upstream.limit.untilMs();
  if (limitedUntilMs !== undefined) return refuseLimited(call, limitedUntilMs);
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const counting = path.startsWith("/v1/messages/count_tokens");
  // Before its body is read: what waits in line holds no memory.
  const turn = await (counting ? gate.counting : gate.messages).enter(gone.signal);
  if (!turn.entered) return refuseForNow(call, turn.retryAfterSeconds);
  let permit: Permit | undefined;
  try {
    const checked = await readChecked(call, counting ? "count" : "messages");
    if (!checked) return;
    const decision = counting ? undefined : await gate.budget?.ask(checked.body, gone.signal);
    if (decision && "over" in decision) return refuseOver(call, decision.over);
    if (decision && "busy" in decision) return refuseForNow(call, 10);
    if (decision && "overCap" in decision) return refuseOverCap(call, decision.overCap);
    if (decision && "unreserved" in decision) return refuseUnreserved(call, decision.unreserved);
    permit = decision?.permit;
    if (permit?.rule) call.outcome.rule = permit.rule;
    await forward(call, { headers: checked.headers, body: Buffer.from(JSON.stringify(permit?.body ?? checked.body)), permit });
  } finally {
    // Changes nothing where it was settled; what broke off in an unknown place was spent.
    permit?.settle({ sent: true, whole: false });
    turn.leave();
  }
}

async function forward(
  call: ModelCall,
  asked: { headers: Record<string, string>; body: Buffer; permit: Permit | undefined },
): Promise<void> {
  const { response, upstream, outcome } = call;
  const { headers, body, permit } = asked;
  const end: CallEnd = { sent: false, whole: false };
  if (response.destroyed) return void permit?.settle(end);
  const onward = upstream.open({ path: call.path, headers: { ...headers, "content-length": String(body.length) } });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let relayed: Promise<void> | undefined;
  const clock = setTimeout(() => onward.destroy(), callMs);
  // The agent left, or the door closed: nobody is to pay for the rest.
  response.on("close", () => {
    onward.destroy();
    resolve();
  });
  onward.on("socket", (socket) => {
    const sent = () => {
      end.sent = true;
    };
    if (socket.connecting) socket.once("connect", sent);
    else sent();
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
  onward.on("response", (answer) => {
    end.status = answer.statusCode;
    upstream.limit.note({ status: answer.statusCode ?? 502, headers: answer.headers });
    relayed = relay(answer, call, end).catch(() => void response.destroy());
  });
  onward.end(body);
  await done;
  await relayed;
  clearTimeout(clock);
  // What nobody counted is charged at the most that it can have been, and stands so on record.
  const charged = permit?.settle({ ...end, usage: outcome.usage });
  if (charged) outcome.usage = charged;
  if (charged && outcome.rule === "model.messages") outcome.rule = "model.charged-at-most";
}

function refuseOver({ response, outcome }: ModelCall, why: string): void {
  Object.assign(outcome, { verdict: "refused", rule: "model.over-budget" });
  const grant = "The operator raises AIRLOCK_RUN_BUDGET_USD or AIRLOCK_RUN_BUDGET_TOKENS";
  // 402: the agent stops at once and shows these words.
  if (!response.destroyed)
    outcome.bytesOut += answerRefusal(response, { status: 402, rule: "model.over-budget", why, grant, close: false });
}

function refuseOverCap({ response, outcome }: ModelCall, cap: CapReached): void {
  Object.assign(outcome, { verdict: "refused", rule: "model.over-cap" });
  const why = printReached(cap);
  const grant = `The operator raises ${settingOf(cap.scope)}, or the run is asked for again after that`;
  if (!response.destroyed)
    outcome.bytesOut += answerRefusal(response, { status: 402, rule: "model.over-cap", why, grant, close: false });
}

/** 503: the agent tries again for hours, in steps of half a minute at most. Without the App's word nothing is sent on. */
function refuseUnreserved({ response, outcome }: ModelCall, because: "busy" | "away"): void {
  Object.assign(outcome, { verdict: "refused", rule: "model.unreserved" });
  const why = {
    away: "what this call may cost could not be reserved, since Airlock's App does not answer",
    busy: "what this call may cost could not be reserved, since calls of other runs hold the rest of a budget that all share",
  }[because];
  const grant = { away: "It goes on by itself when the App is back", busy: "It goes on by itself when one of those has ended" }[
    because
  ];
  if (!response.destroyed)
    outcome.bytesOut += answerRefusal(response, {
      ...{ status: 503, rule: "model.unreserved", why, grant, retryAfterSeconds: 5, close: true },
    });
}

/** Not sent on: each run of the credential would only meet the same wall. The App parks those that wait for long. */
function refuseLimited({ response, outcome }: ModelCall, untilMs: number): void {
  Object.assign(outcome, { verdict: "refused", rule: "model.limited" });
  const retryAfterSeconds = Math.max(1, Math.ceil((untilMs - Date.now()) / 1_000));
  const why = `the model API's limit is reached; it is lifted in ${retryAfterSeconds} seconds`;
  const grant = "Nobody here can lift it: the run is parked and goes on by itself; the operator may use another key";
  if (!response.destroyed)
    outcome.bytesOut += answerRefusal(response, {
      ...{ status: 429, rule: "model.limited", why, grant, retryAfterSeconds, close: true },
    });
}

function refuseForNow({ response, outcome }: ModelCall, retryAfterSeconds: number): void {
  Object.assign(outcome, { verdict: "refused", rule: "model.too-many" });
  const why = `this run makes more calls than it may; try again in ${retryAfterSeconds} seconds`;
  const grant = "The operator raises AIRLOCK_MODEL_PARALLEL or AIRLOCK_MODEL_RATE";
  if (!response.destroyed)
    outcome.bytesOut += answerRefusal(response, {
      status: 429,
      rule: "model.too-many",
      why,
      grant,
      retryAfterSeconds,
      close: true,
    });
}

async function relay(answer: IncomingMessage, call: ModelCall, end: CallEnd): Promise<void> {
  const { response, outcome, upstream } = call;
  const status = answer.statusCode ?? 502;
  const scrubber = createScrubber(formsOf(upstream.credential.value));
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
    end.whole = meter.whole();
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
