// Answers for the names in a table, by UDP and TCP, and refuses every other question. It asks nobody: no question leaves this namespace,
// so no name can carry anything out. Arguments: the table ({"github.com":["192.0.2.1"], …}; read again when it changes), the address to
// listen at, the port (53). Prints JSON lines: {"airlock":"resolver"} when it listens, then what it refused, with how often (countRefused in
// dns-answer.mjs). SIGHUP: counts begin anew. SIGTERM: tells the exact counts and ends.
import { createSocket } from "node:dgram";
import { readFileSync, statSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { answer, countRefused, longestMessage, parseTable } from "./dns-answer.mjs";

const [tablePath, address = "127.0.0.53", port = "53"] = process.argv.slice(2);
// At once: a line in a buffer would be lost with the process.
const write = (line) => writeSync(1, `${JSON.stringify(line)}\n`);
const refusals = countRefused(write);

let table = new Map();
let tableStamp = "";
/** A table that cannot be read leaves the last good one: a refresh that failed half-way opens nothing and breaks nothing. */
const lookUp = (name) => {
  try {
    const { mtimeMs, ino } = statSync(tablePath);
    if (`${mtimeMs} ${ino}` !== tableStamp) {
      table = parseTable(readFileSync(tablePath, "utf8")) ?? table;
      tableStamp = `${mtimeMs} ${ino}`;
    }
  } catch {}
  return table.get(name);
};
const replyTo = (message) => {
  const { reply, refused } = answer(message, lookUp);
  if (refused !== undefined) refusals.add(refused);
  return reply;
};

const udp = createSocket("udp4", (message, from) => {
  const reply = replyTo(message);
  if (reply) udp.send(reply, from.port, from.address, () => {});
});
udp.on("error", () => process.exit(1));
const tcp = createServer((socket) => {
  let held = Buffer.alloc(0);
  socket.setTimeout(5000, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 2) {
      const length = held.readUInt16BE(0);
      if (length > longestMessage) return socket.destroy();
      if (held.length < 2 + length) return;
      const reply = replyTo(held.subarray(2, 2 + length));
      held = held.subarray(2 + length);
      if (!reply) return socket.destroy();
      // Whoever asks and does not read is not answered for ever.
      if (socket.writableLength > 65_536) return socket.destroy();
      socket.write(Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]));
    }
  });
});
tcp.maxConnections = 64;
tcp.on("error", () => process.exit(1));
process.on("SIGHUP", () => refusals.forget());
for (const signal of ["SIGTERM", "SIGINT"])
  process.on(signal, () => {
    refusals.tellAll();
    process.exit(0);
  });
udp.bind(Number(port), address, () => tcp.listen(Number(port), address, () => write({ airlock: "resolver" })));
