import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Delivery } from "../store/queries/deliveries.ts";
import type { BodyPlace, BodyRoom } from "./body-room.ts";
import type { Verify } from "./signature.ts";

export interface Receiver {
  /** Whether the signature is ours: X-Hub-Signature-256 over the raw bytes. */
  verify: Verify;
  /** Commits the delivery. What was stored is acknowledged, and nothing else is. */
  store(delivery: Delivery): Promise<"new" | "known">;
  nowMs(): number;
  log: Logger;
}

/** GitHub's own cap on a payload. */
const bodyLimitBytes = 25 * 1024 * 1024;
/** GitHub waits 10 s for an answer; @octokit/webhooks would say 202 for us at 9 s whether or not anything was stored. */
const storeWithinMs = 8_000;

/** Verifies one webhook delivery on its raw bytes, commits it, then answers: 202 only when it is stored. Never throws. */
export async function receiveDelivery(
  receiver: Receiver & { room: BodyRoom },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = (status: number, words: string) => answerWith(request, response, { status, words });
  const receivedAtMs = receiver.nowMs();
  if (request.method !== "POST") return answer(405, "Webhooks are POSTed");
  const id = header(request, "x-github-delivery");
  const event = header(request, "x-github-event");
  const signature = header(request, "x-hub-signature-256");
  if (!signature?.startsWith("sha256=")) return answer(401, "The delivery is not signed");
  if (Number(request.headers["content-length"] ?? 0) > bodyLimitBytes) return answer(413, "The delivery is too large");
  using place = receiver.room.enter();
  const body = await readBody(request, place);
  if (body === "too-large") return answer(413, "The delivery is too large");
  // GitHub records it as failed, and it is read from its log.
  if (body === "no-room") return answer(503, "Too many large deliveries come at once");
  // Broken off: there is nobody to answer.
  if (body === "gone") return;
  if (!body.exact || !(await receiver.verify(body.text, signature).catch(() => false))) {
    receiver.log.warn({ delivery: id, event }, "delivery refused: bad signature");
    return answer(401, "The signature does not match");
  }
  if (!id || !/^[\w-]{1,64}$/.test(id) || !event || !/^\w{1,64}$/.test(event))
    return answer(400, "The delivery lacks its id or its event");
  const payload = parseObject(body.text);
  if (!payload) return answer(400, "The delivery is no JSON object; set the webhook's content type to application/json");
  try {
    const stored = await withinMs(storeWithinMs, receiver.store({ id, event, payload, receivedAtMs }));
    receiver.log.info({ delivery: id, event, stored }, "delivery stored");
    answer(202, "Stored");
  } catch (error) {
    // GitHub records the failure and can deliver again; saying 202 here would lose it.
    receiver.log.error({ delivery: id, event, err: error }, "delivery not stored");
    answer(503, "The delivery could not be stored");
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}

/** `exact`: the text stands for these very bytes. Invalid UTF-8 reads like other bytes, and the signature would be held to those. */
async function readBody(
  request: IncomingMessage,
  place: BodyPlace,
): Promise<{ text: string; exact: boolean } | "too-large" | "no-room" | "gone"> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Not destroyed when left: that would cut the connection before the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > bodyLimitBytes) return "too-large";
      if (!place.take((chunk as Buffer).length)) return "no-room";
      chunks.push(chunk as Buffer);
    }
  } catch {
    return "gone";
  }
  const bytes = Buffer.concat(chunks);
  return { text: bytes.toString("utf8"), exact: isUtf8(bytes) };
}

/** A refusal closes the connection, but not before the far end has sent what it is sending: it would see a reset instead of the answer. */
function answerWith(
  request: IncomingMessage,
  response: ServerResponse,
  { status, words }: { status: number; words: string },
): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...(status >= 400 && { connection: "close" }) });
  if (request.complete || request.destroyed) return void response.end(`${words}\n`);
  response.write(`${words}\n`);
  // Bounded by the server's own limit on a request's time.
  request.once("close", () => response.end());
  request.once("end", () => response.end());
  request.resume();
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

async function withinMs<T>(spanMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the store took too long")), spanMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
