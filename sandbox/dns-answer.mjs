// What our resolver says to one DNS message: pure, and without a way to ask anybody. The only bytes of the asker's that come back are its
// own question, to itself; a listed name is compared in lower case, so that not even its spelling (0x20) is worth anything elsewhere.

/** Of RFC 1035 and 6895. "empty": no error and no record, which is what a name without that type has. */
export const codes = { ok: 0, malformed: 1, notImplemented: 4, refused: 5 };
const types = { a: 1, opt: 41, ixfr: 251, axfr: 252 };
const internet = 1;
const headerBytes = 12;
/** A question takes 271 at most; what is longer carries something else. */
export const longestMessage = 512;
const answerSeconds = 30;
/** As many as fit into the 512 bytes that every client takes. */
const mostAddresses = 14;

/**
 * `lookUp`: a name in lower case → its addresses, or undefined where it is not listed. Answers the reply, undefined where none is due,
 * and the name that was refused. Only an A question for a listed name gets a record: every other type of it is empty, and zones are not
 * handed out.
 */
export function answer(message, lookUp) {
  if (message.length < headerBytes || (message[2] & 0x80) !== 0) return {};
  if ((message[2] & 0x78) !== 0) return { reply: print(message, codes.notImplemented) };
  const asked = message.length <= longestMessage ? parseQuestion(message) : undefined;
  if (asked === undefined) return { reply: print(message, codes.malformed) };
  const { name, type, question } = asked;
  const found = asked.class === internet && type !== types.axfr && type !== types.ixfr ? lookUp(name) : undefined;
  if (found === undefined) return { reply: print(message, codes.refused, question), refused: name };
  return { reply: print(message, codes.ok, question, type === types.a ? found.slice(0, mostAddresses) : []) };
}

/** Exactly one question and, behind it, nothing or one EDNS record; undefined for all else. */
function parseQuestion(message) {
  const [questions, answers, authorities, additional] = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  if (questions !== 1 || answers !== 0 || authorities !== 0 || additional > 1) return undefined;
  const read = parseName(message);
  if (read === undefined || read.end + 4 > message.length) return undefined;
  const end = read.end + 4;
  const rest = message.subarray(end);
  if (additional === 0 ? rest.length !== 0 : !isEdns(rest)) return undefined;
  const question = message.subarray(headerBytes, end);
  return { name: read.name, type: message.readUInt16BE(read.end), class: message.readUInt16BE(read.end + 2), question };
}

/** Version 0, and not a byte behind its options. What they say is not read. */
function isEdns(record) {
  const fixed = 11;
  if (record.length < fixed || record[0] !== 0 || record.readUInt16BE(1) !== types.opt || record[6] !== 0) return false;
  return record.length === fixed + record.readUInt16BE(9);
}

/** The name in lower case and where it ends; undefined for anything but plain labels: no pointer, and 255 bytes at most. */
function parseName(message) {
  const labels = [];
  for (let at = headerBytes; ; ) {
    const length = message[at];
    if (length === undefined || length > 63 || at + 1 + length > message.length || at + 1 - headerBytes > 255) return undefined;
    if (length === 0) return { name: labels.join("."), end: at + 1 };
    labels.push(printLabel(message.toString("latin1", at + 1, at + 1 + length)));
    at += 1 + length;
  }
}

/** A label with a dot or a control byte in it is no host's: it is written so that it is equal to none. */
function printLabel(label) {
  return /^[\x21-\x2d\x2f-\x5b\x5d-\x7e]+$/.test(label)
    ? label.toLowerCase()
    : `\\${Buffer.from(label, "latin1").toString("hex")}`;
}

function print(message, code, question = Buffer.alloc(0), addresses = []) {
  const head = Buffer.alloc(headerBytes);
  message.copy(head, 0, 0, 2);
  // An answer, authoritative; opcode and "recursion desired" as they were asked.
  head[2] = 0x84 | (message[2] & 0x79);
  head[3] = 0x80 | code;
  head.writeUInt16BE(question.length > 0 ? 1 : 0, 4);
  head.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, headerBytes, 0, types.a, 0, internet, 0, 0, 0, answerSeconds, 0, 4, ...address.split(".").map(Number)]),
  );
  return Buffer.concat([head, question, ...records]);
}

/** Names with their addresses out of the table's text; undefined where it is anything else. */
export function parseTable(text) {
  const read = JSON.parse(text);
  if (typeof read !== "object" || read === null || Array.isArray(read)) return undefined;
  const isAddress = (it) =>
    typeof it === "string" && /^(\d{1,3}\.){3}\d{1,3}$/.test(it) && it.split(".").every((part) => Number(part) < 256);
  const whole = Object.values(read).every((list) => Array.isArray(list) && list.every(isAddress));
  return whole ? new Map(Object.entries(read)) : undefined;
}

/**
 * What was refused, name by name, and how it is told: a line at a name's first, second, fourth … time, so that a loop writes a few
 * lines, and the exact figure for all when it ends. Names beyond `atMost` are one figure.
 */
export function countRefused(write, atMost = 50) {
  let counts = new Map();
  const line = (name, { times }) =>
    write(
      name === undefined
        ? { airlock: "further-names-refused", times }
        : { airlock: "name-refused", name: name.slice(0, 253), times },
    );
  return {
    add(name) {
      const key = counts.has(name) || counts.size < atMost ? name : undefined;
      const count = counts.get(key) ?? { times: 0, told: 0 };
      counts.set(key, count);
      count.times += 1;
      if (count.times < 2 * count.told) return;
      count.told = count.times;
      line(key, count);
    },
    tellAll() {
      for (const [name, count] of counts) if (count.told !== count.times) line(name, count);
    },
    /** What stands before this line in the log is of what was tried before the agent began. */
    forget() {
      counts = new Map();
      write({ airlock: "refusals-forgotten" });
    },
  };
}
