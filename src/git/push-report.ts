/** ◆ Reads the answer to a push: the far end's own words on whether the ref moved. */
import { readPacket } from "./pkt-line.ts";

export type PushReport =
  | { at: "ok"; remote: string }
  /** GitHub's reason ("protected branch hook declined"), and what it printed for people. */
  | { at: "refused"; reason: string; remote: string }
  /** The answer was cut off or is none: the ref may have moved, so look. */
  | { at: "unknown"; reason: string; remote: string };

const longestRemote = 16_384;

/** `bytes`: the whole body of the answer (it is small), with or without side bands. */
export function parsePushReport(bytes: Buffer, ref: string): PushReport {
  const outer = readPackets(bytes);
  const bands = outer.packets.map((payload) => ({ band: payload[0], rest: payload.subarray(1) }));
  const banded = bands.length > 0 && bands.every(({ band }) => band === 1 || band === 2 || band === 3);
  const pick = (wanted: number) => Buffer.concat(bands.filter(({ band }) => band === wanted).map(({ rest }) => rest));
  const remote = banded ? pick(2).toString("utf8").slice(0, longestRemote) : "";
  const fatal = banded ? pick(3).toString("utf8").trim() : "";
  if (fatal) return { at: "unknown", reason: fatal.slice(0, 1_024), remote };
  const status = banded ? readPackets(pick(1)).packets : outer.packets;
  const lines = status.map((payload) => payload.toString("utf8").replace(/\n$/, ""));
  const unpack = lines.find((line) => line.startsWith("unpack "));
  if (unpack === undefined) return { at: "unknown", reason: "no report", remote };
  if (unpack !== "unpack ok") return { at: "refused", reason: unpack.slice(0, 1_024), remote };
  if (lines.includes(`ok ${ref}`)) return { at: "ok", remote };
  const refusal = lines.find((line) => line.startsWith(`ng ${ref} `));
  if (refusal) return { at: "refused", reason: refusal.slice(`ng ${ref} `.length).slice(0, 1_024), remote };
  return { at: "unknown", reason: "the report does not name the ref", remote };
}

function readPackets(bytes: Buffer): { packets: Buffer[] } {
  const packets: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const reading = readPacket(bytes, at);
    if (reading.at !== "packet") break;
    if (reading.packet.kind === "data" && reading.packet.payload.length > 0) packets.push(reading.packet.payload);
    at += reading.size;
  }
  return { packets };
}
