/** ◆ The first message of a TLS client (RFC 8446, 4.1.2), read strictly: what a tunnel is for is decided by it. */

/** Of the message, in bytes. Browsers' are about 2,000; those with a long session ticket a few thousand more. */
export const longestHello = 16_384;
/** Nobody splits it without need. */
const mostRecords = 16;

export type HelloDecision =
  /** Nothing can be said before so many bytes are there: nobody makes us read the same bytes again and again. */
  | { at: "more"; needBytes: number }
  /** Its first `endByte` bytes are the ClientHello and what came before it; nothing is said of those behind. */
  | { at: "pass"; endByte: number }
  | { at: "refused"; rule: "connect.not-tls" | "connect.hello" | "connect.other-name" | "connect.hidden-name"; why: string };

/** Whether `bytes`, from the start of a connection, are a ClientHello for `host` and for nothing else. What follows it is not looked at. */
export function decideHello(bytes: Buffer, host: string): HelloDecision {
  const joined = joinRecords(bytes);
  if ("at" in joined) return joined;
  const extensions = readExtensions(joined.body);
  if (!extensions) return malformed("not a ClientHello of TLS 1.2 or later");
  // What they hide is the name that counts. Nobody outside can tell one that is only there for form's sake.
  if (hidingExtensions.some((type) => extensions.has(type)))
    return { at: "refused", rule: "connect.hidden-name", why: "the name is encrypted (ECH)" };
  const name = readServerName(extensions.get(0));
  if (name === undefined)
    return { at: "refused", rule: "connect.other-name", why: "the ClientHello does not name exactly one host" };
  if (name !== host) return { at: "refused", rule: "connect.other-name", why: "the ClientHello names another host than CONNECT" };
  return { at: "pass", endByte: joined.endByte };
}

/** The same for the one that answers a HelloRetryRequest: clients put a record before it that says nothing (RFC 8446, D.4). */
export function decideSecondHello(bytes: Buffer, host: string): HelloDecision {
  if (bytes.length === 0) return { at: "more", needBytes: 1 };
  if (bytes[0] !== sayingNothing[0]) return decideHello(bytes, host);
  const before = sayingNothing.length;
  if (bytes.length < before) return { at: "more", needBytes: before };
  if (!bytes.subarray(0, before).equals(sayingNothing)) return malformed("something odd before it");
  const decision = decideHello(bytes.subarray(before), host);
  if (decision.at === "more") return { at: "more", needBytes: decision.needBytes + before };
  return decision.at === "pass" ? { at: "pass", endByte: decision.endByte + before } : decision;
}

/** A whole record: change_cipher_spec. */
const sayingNothing = Buffer.of(20, 3, 3, 0, 1, 1);

/** encrypted_client_hello, its inner form, and the draft before it (ESNI). */
const hidingExtensions = [0xfe0d, 0xfd00, 0xffce];

/** The handshake message that the first records hold: whole, alone, and in its own records. */
function joinRecords(bytes: Buffer): { body: Buffer; endByte: number } | HelloDecision {
  const parts: Buffer[] = [];
  let joined = 0;
  for (let at = 0; parts.length < mostRecords; ) {
    if (bytes.length < at + 5) return { at: "more", needBytes: at + 5 };
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at] !== 22 || bytes[at + 1] !== 3 || ![1, 2, 3].includes(bytes[at + 2] ?? 0) || length === 0 || length > 16_384)
      return { at: "refused", rule: "connect.not-tls", why: "what was sent does not begin as TLS does" };
    if (joined + length > longestHello) return malformed("too long");
    if (bytes.length < at + 5 + length) return { at: "more", needBytes: at + 5 + length };
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    joined += length;
    at += 5 + length;
    const message = Buffer.concat(parts);
    if (message[0] !== 1) return malformed("not a ClientHello");
    if (joined < 4) continue;
    const whole = 4 + message.readUIntBE(1, 3);
    if (whole > longestHello) return malformed("too long");
    if (joined === whole) return { body: message.subarray(4), endByte: at };
    if (joined > whole) return malformed("something else in the same record");
  }
  return malformed(`in more than ${mostRecords} pieces`);
}

function readExtensions(body: Buffer): Map<number, Buffer> | undefined {
  const reader = createReader(body);
  const version = reader.number(2);
  reader.bytes(32);
  const session = reader.vector(1);
  const suites = reader.vector(2);
  const compression = reader.vector(1);
  const list = createReader(reader.vector(2));
  if (!reader.isDone() || version !== 0x0303 || session.length > 32) return undefined;
  if (suites.length === 0 || suites.length % 2 !== 0 || compression.length !== 1 || compression[0] !== 0) return undefined;
  const extensions = new Map<number, Buffer>();
  while (list.left() > 0) {
    const type = list.number(2);
    const data = list.vector(2);
    if (extensions.has(type)) return undefined;
    extensions.set(type, data);
  }
  return list.isDone() ? extensions : undefined;
}

/** RFC 6066, 3: a list of names, of which there is one, of the one type that there is. */
function readServerName(extension: Buffer | undefined): string | undefined {
  if (!extension) return undefined;
  const reader = createReader(extension);
  const list = createReader(reader.vector(2));
  const type = list.number(1);
  const name = list.vector(2);
  if (!reader.isDone() || !list.isDone() || type !== 0 || name.length === 0) return undefined;
  return name.toString("latin1");
}

/** Reads on over an end that comes too early, and says so in `isDone`: it is asked once, behind everything. */
function createReader(bytes: Buffer) {
  let at = 0;
  let short = false;
  const take = (length: number): Buffer => {
    short ||= at + length > bytes.length;
    const taken = short ? Buffer.alloc(0) : bytes.subarray(at, at + length);
    at += taken.length;
    return taken;
  };
  const number = (length: 1 | 2): number => {
    const taken = take(length);
    return taken.length === length ? taken.readUIntBE(0, length) : 0;
  };
  return {
    number,
    bytes: take,
    /** Bytes behind their own length, which takes `prefixBytes`. */
    vector: (prefixBytes: 1 | 2): Buffer => take(number(prefixBytes)),
    left: () => (short ? 0 : bytes.length - at),
    isDone: () => !short && at === bytes.length,
  };
}

function malformed(what: string): HelloDecision {
  return { at: "refused", rule: "connect.hello", why: `the ClientHello is odd: ${what}` };
}
