// Answers for the names in a table, by UDP and TCP, and refuses every other question. It asks nobody: no question leaves this namespace,
// so no name can carry anything out. Arguments: the table ({"github.com":["192.0.2.1"], …}; read again when it changes), the address to
// listen at, the port (53). Prints a JSON line for each name that it refused, once, and {"airlock":"resolver"} when it listens.
import { createSocket } from "node:dgram";
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";

const [tablePath, address = "127.0.0.53", port = "53"] = process.argv.slice(2);
const codes = { ok: 0, malformed: 1, notImplemented: 4, refused: 5 };
const types = { a: 1, aaaa: 28 };
const answerSeconds = 30;

let table = new Map();
let tableStamp = "";
/** A table that cannot be read leaves the last good one: a refresh that failed half-way opens nothing and breaks nothing. */
const lookUp = (name) => {
  try {
    const { mtimeMs, ino } = statSync(tablePath);
    if (`${mtimeMs} ${ino}` !== tableStamp) {
      table = new Map(Object.entries(JSON.parse(readFileSync(tablePath, "utf8"))));
      tableStamp = `${mtimeMs} ${ino}`;
    }
  } catch {}
  return table.get(name);
};

const told = new Set();
const tell = (name) => {
  if (told.size >= 1000 || told.has(name)) return;
  told.add(name);
  process.stdout.write(`${JSON.stringify({ airlock: "name-refused", name: name.slice(0, 253) })}\n`);
};

/** The question's name in lower case and where it ends; undefined for anything but plain labels: no pointer, no dot or control byte inside. */
const readName = (message) => {
  const labels = [];
  let at = 12;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || at + 1 + length > message.length) return undefined;
    if (length === 0) return { name: labels.join("."), end: at + 1 };
    const label = message.toString("latin1", at + 1, at + 1 + length);
    labels.push(
      /^[\x21-\x2d\x2f-\x7e]+$/.test(label) ? label.toLowerCase() : `\\${Buffer.from(label, "latin1").toString("hex")}`,
    );
    at += 1 + length;
    if (at > 12 + 255) return undefined;
  }
};

/** The answer to one message, or undefined where none is due. */
export const answer = (message) => {
  if (message.length < 12 || (message[2] & 0x80) !== 0) return undefined;
  const asked = message.readUInt16BE(4) === 1 ? readName(message) : undefined;
  const end = asked && asked.end + 4 <= message.length ? asked.end + 4 : 12;
  const reply = (code, addresses = []) => {
    const head = Buffer.from(message.subarray(0, 12));
    head[2] = 0x84 | (message[2] & 0x79);
    head[3] = 0x80 | code;
    head.writeUInt16BE(end > 12 ? 1 : 0, 4);
    head.writeUInt16BE(addresses.length, 6);
    head.writeUInt32BE(0, 8);
    const records = addresses.map((text) => {
      const record = Buffer.from([0xc0, 12, 0, types.a, 0, 1, 0, 0, 0, answerSeconds, 0, 4, 0, 0, 0, 0]);
      text.split(".").forEach((part, index) => {
        record[12 + index] = Number(part);
      });
      return record;
    });
    return Buffer.concat([head, message.subarray(12, end), ...records]);
  };
  if ((message[2] & 0x78) !== 0) return reply(codes.notImplemented);
  if (end === 12) return reply(codes.malformed);
  const type = message.readUInt16BE(asked.end);
  const found = message.readUInt16BE(asked.end + 2) === 1 ? lookUp(asked.name) : undefined;
  if (found === undefined) {
    tell(asked.name);
    return reply(codes.refused);
  }
  // Sixteen fit into the 512 bytes that every client takes.
  return reply(codes.ok, type === types.a ? found.slice(0, 16) : []);
};

const udp = createSocket("udp4", (message, from) => {
  const reply = answer(message);
  if (reply) udp.send(reply, from.port, from.address);
});
udp.on("error", () => process.exit(1));
const tcp = createServer((socket) => {
  let held = Buffer.alloc(0);
  socket.setTimeout(5000, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      const end = 2 + held.readUInt16BE(0);
      const reply = answer(held.subarray(2, end));
      held = held.subarray(end);
      if (!reply) return socket.destroy();
      socket.write(Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]));
    }
    if (held.length > 4096) socket.destroy();
  });
});
tcp.maxConnections = 64;
tcp.on("error", () => process.exit(1));
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
udp.bind(Number(port), address, () =>
  tcp.listen(Number(port), address, () => process.stdout.write(`${JSON.stringify({ airlock: "resolver" })}\n`)),
);
