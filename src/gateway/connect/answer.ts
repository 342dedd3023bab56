/** ◆ What a TLS server answers first (RFC 8446, 4.1.3), read as far as it takes to see whether it asks for a second ClientHello. */
import { createHash } from "node:crypto";

export type AnswerDecision =
  /** Nothing can be said before so many bytes are there. */
  | { at: "more"; needBytes: number }
  /** The client's name was taken, or the connection ends: no further ClientHello is read in the clear. */
  | { at: "pass" }
  /** A HelloRetryRequest. */
  | { at: "retry" }
  | { at: "refused"; rule: "connect.answer"; why: string };

/** The random of a ServerHello that is a HelloRetryRequest. */
const retryRandom = createHash("sha256").update("HelloRetryRequest").digest();

/** Of a ServerHello, its four bytes of head included: version, random, and the shortest of the rest. */
const shortestHello = 4 + 2 + 32 + 1 + 2 + 1;
const longestHello = 16_384;
const mostRecords = 16;

/** `bytes`: from the start of what the server sent. */
export function decideAnswer(bytes: Buffer): AnswerDecision {
  const parts: Buffer[] = [];
  let joined = 0;
  for (let at = 0; parts.length < mostRecords; ) {
    if (bytes.length < at + 5) return { at: "more", needBytes: at + 5 };
    const [type, length] = [bytes[at], bytes.readUInt16BE(at + 3)];
    if (bytes[at + 1] !== 3 || ![1, 2, 3].includes(bytes[at + 2] ?? 0)) return odd("it does not begin as TLS does");
    if (type === 21 && at === 0 && length === 2) return bytes.length < 7 ? { at: "more", needBytes: 7 } : { at: "pass" };
    if (type !== 22 || length === 0 || length > 16_384) return odd("it does not begin as TLS does");
    if (bytes.length < at + 5 + length) return { at: "more", needBytes: at + 5 + length };
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    joined += length;
    at += 5 + length;
    const message = Buffer.concat(parts);
    if (message[0] !== 2) return odd("it is no ServerHello");
    if (joined < shortestHello) continue;
    const whole = 4 + message.readUIntBE(1, 3);
    if (whole < shortestHello || whole > longestHello) return odd("its ServerHello is too short or too long");
    if (message.readUInt16BE(4) !== 0x0303) return odd("it is older than TLS 1.2");
    if (!message.subarray(6, 38).equals(retryRandom)) return { at: "pass" };
    if (joined > whole) return odd("something stands behind its HelloRetryRequest in the same record");
    if (joined === whole) return { at: "retry" };
  }
  return odd(`it comes in more than ${mostRecords} pieces`);
}

function odd(what: string): AnswerDecision {
  return { at: "refused", rule: "connect.answer", why: `the far end's answer is odd: ${what}` };
}
