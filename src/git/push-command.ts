/** ◆ Reads the head of a `git-receive-pack` request: what it would change, before any of it is sent on. */
import type { Sha } from "../run/identity.ts";
import { absentSha } from "./names.ts";
import { readPacket } from "./pkt-line.ts";

export interface PushAllowance {
  old: Sha | null;
  new: Sha;
  ref: string;
}

export type PushDecision = { at: "more" } | { at: "probe" } | { at: "pass"; headBytes: number } | { at: "refuse"; why: string };

/** The command list of one ref with its capabilities; more than this is not what we sent. */
export const longestHeadBytes = 4_096;

/** What our git says of itself, and nothing that would change the meaning of the rest (push options, certificates). */
const capabilities =
  /^(?:report-status|report-status-v2|side-band-64k|quiet|atomic|ofs-delta|delete-refs|object-format=sha1|agent=[\x21-\x7e]+)$/;

/** `ended`: no more bytes will come. A bare flush passes: git sends it ahead of a large push to see whether it may. */
export function decidePush(bytes: Buffer, ended: boolean, allowed: PushAllowance): PushDecision {
  const first = readPacket(bytes, 0);
  if (first.at === "malformed") return { at: "refuse", why: "not a pkt-line" };
  if (first.at === "more") return pending(bytes, ended);
  if (first.packet.kind === "flush") {
    if (bytes.length > 4) return { at: "refuse", why: "something follows an empty command list" };
    return ended ? { at: "probe" } : { at: "more" };
  }
  if (first.packet.kind !== "data") return { at: "refuse", why: "not a command list" };
  const why = findFault(first.packet.payload, allowed);
  if (why) return { at: "refuse", why };
  const second = readPacket(bytes, first.size);
  if (second.at === "more") return pending(bytes, ended);
  if (second.at === "malformed" || second.packet.kind !== "flush") return { at: "refuse", why: "more than one command" };
  const headBytes = first.size + second.size;
  if (bytes.length < headBytes + 4) return pending(bytes, ended);
  if (bytes.toString("latin1", headBytes, headBytes + 4) !== "PACK") return { at: "refuse", why: "no pack follows the command" };
  return { at: "pass", headBytes };
}

function pending(bytes: Buffer, ended: boolean): PushDecision {
  if (ended) return { at: "refuse", why: "the request ends too early" };
  return bytes.length > longestHeadBytes ? { at: "refuse", why: "the command list is too long" } : { at: "more" };
}

function findFault(payload: Buffer, allowed: PushAllowance): string | undefined {
  const text = payload.toString("latin1");
  const nul = text.indexOf("\0");
  if (nul < 0) return "the command has no capabilities";
  // Byte for byte: no trimming, no decoding, no second spelling of a ref.
  const expected = Buffer.from(`${allowed.old ?? absentSha} ${allowed.new} ${allowed.ref}`).toString("latin1");
  if (text.slice(0, nul) !== expected) return "it is not the inspected change";
  const words = text
    .slice(nul + 1)
    .replace(/\n$/, "")
    .split(" ")
    .filter((word) => word !== "");
  const odd = words.find((word) => !capabilities.test(word));
  return odd === undefined ? undefined : "it asks for a capability that is not allowed";
}
