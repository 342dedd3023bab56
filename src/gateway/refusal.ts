import type { ServerResponse } from "node:http";
import { endAfterBody } from "../privilege/linger.ts";

export interface RefusalAnswer {
  status: number;
  rule: string;
  why: string;
  /** What the operator or requester can do. */
  grant?: string;
  retryAfterSeconds?: number;
  /** End the connection too: what follows on it is not read. */
  close: boolean;
}

/** Refuses so that the agent shows it: in the Messages API's own shape of an error. Returns the bytes of the body. */
export function answerRefusal(response: ServerResponse, answer: RefusalAnswer): number {
  const type = errorTypes[answer.status] ?? (answer.status >= 500 ? "api_error" : "invalid_request_error");
  const grant = answer.grant ?? "To allow it, the operator changes the gateway's rules; nothing inside the sandbox can";
  const message = `Airlock refused this: ${answer.why}. Rule ${answer.rule}. ${grant}.`;
  const body = JSON.stringify({ type: "error", error: { type, message } });
  response.writeHead(answer.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...(answer.close ? { connection: "close" } : {}),
    ...(answer.retryAfterSeconds === undefined ? {} : { "retry-after": String(answer.retryAfterSeconds) }),
  });
  response.write(body);
  if (answer.close) endAfterBody(response.req, response);
  else response.end();
  return Buffer.byteLength(body);
}

const errorTypes: Readonly<Record<number, string>> = { 402: "billing_error", 403: "permission_error", 429: "rate_limit_error" };
