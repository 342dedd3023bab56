/** ◆ git's pkt-line framing (gitprotocol-common): four hex digits of length, then the payload. */

export type Packet = { kind: "data"; payload: Buffer } | { kind: "flush" | "delimiter" | "response-end" };

export type PacketReading = { at: "packet"; packet: Packet; size: number } | { at: "more" } | { at: "malformed" };

/** Largest packet, its four digits included (LARGE_PACKET_MAX). */
const longestBytes = 65_520;

/** Reads the one packet that begins at `from`. Strict: only lower- or upper-case hex digits, no length below 4 but the three special ones. */
export function readPacket(bytes: Buffer, from: number): PacketReading {
  if (bytes.length - from < 4) return { at: "more" };
  const digits = bytes.toString("latin1", from, from + 4);
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) return { at: "malformed" };
  const length = Number.parseInt(digits, 16);
  if (length === 0) return { at: "packet", packet: { kind: "flush" }, size: 4 };
  if (length === 1) return { at: "packet", packet: { kind: "delimiter" }, size: 4 };
  if (length === 2) return { at: "packet", packet: { kind: "response-end" }, size: 4 };
  if (length < 4 || length > longestBytes) return { at: "malformed" };
  if (bytes.length - from < length) return { at: "more" };
  return { at: "packet", packet: { kind: "data", payload: bytes.subarray(from + 4, from + length) }, size: length };
}

export function printPacket(payload: string | Uint8Array): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  if (bytes.length + 4 > longestBytes) throw new RangeError("a packet holds at most 65,516 bytes");
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, "0")), bytes]);
}

export const flushPacket: Buffer = Buffer.from("0000");
