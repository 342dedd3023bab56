import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
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
  const body = JSON.stringify({ type: "error", error: { type, message: printRefusal(answer) } });
  return send(response, answer, { contentType: "application/json", body });
}

/** The same for programs that show plain text only: git prints it behind "remote:". */
export function answerRefusalInPlain(response: ServerResponse, answer: RefusalAnswer): number {
  return send(response, answer, { contentType: "text/plain", body: `${printRefusal(answer)}\n` });
}

/** The same where there is no response to write to, only a connection. */
export function printRawRefusal(answer: Omit<RefusalAnswer, "close">): Buffer {
  const body = `${printRefusal(answer)}\n`;
  const head = `connection: close\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.from(`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n${head}${body}`);
}

/** Ends a connection with last words, and takes what still comes for a moment: a Unix socket that is closed with unread bytes resets the
 *  other side, which then never reads them. */
export function endOnSocket(socket: Socket, words: Buffer): void {
  if (socket.destroyed) return;
  socket.on("error", () => {});
  const clock = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("end", () => socket.destroySoon());
  socket.once("close", () => clearTimeout(clock));
  socket.end(words);
  if (socket.readableEnded) socket.destroySoon();
  else socket.resume();
}

const lingerMs = 2_000;

/** What was refused, by which rule, and who can allow it. */
export function printRefusal({ why, rule, grant }: Pick<RefusalAnswer, "why" | "rule" | "grant">): string {
  return `Airlock refused this: ${why}. Rule ${rule}. ${grant ?? standingGrant}.`;
}

const standingGrant = "To allow it, the operator changes the gateway's rules; nothing inside the sandbox can";

function send(
  response: ServerResponse,
  answer: RefusalAnswer,
  { contentType, body }: { contentType: string; body: string },
): number {
  response.writeHead(answer.status, {
    "content-type": contentType,
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
