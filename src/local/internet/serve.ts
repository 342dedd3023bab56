import { createSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import { githubAddress, strangers } from "./start.ts";

/** Runs in the local internet's namespace, and writes what reaches a stranger on stdout, one JSON object a line. Argument: the way to the
 *  local GitHub, a Unix socket. */
const [githubSocket = ""] = process.argv.slice(2);
const tcpPorts = [22, 53, 80, 443, 8443];
const udpPorts = [53, 443];
const hit = (by: string, at: { address: string; port: number }, said: string) =>
  process.stdout.write(`${JSON.stringify({ by, ...at, said })}\n`);

const pass = (one: Socket) => {
  const other = connect(githubSocket);
  one.pipe(other).pipe(one);
  one.on("error", () => other.destroy()).on("close", () => other.destroy());
  other.on("error", () => one.destroy()).on("close", () => one.destroy());
};

const waiting: Promise<void>[] = [];
const listenTcp = (address: string, port: number, serve: (socket: Socket) => void) =>
  waiting.push(new Promise((resolve) => createServer(serve).listen(port, address, resolve)));
for (const port of [443]) listenTcp(githubAddress, port, pass);
for (const port of tcpPorts.filter((one) => one !== 443))
  listenTcp(githubAddress, port, (socket) => stranger(socket, { address: githubAddress, port }));

function stranger(socket: Socket, at: { address: string; port: number }): void {
  hit("tcp", at, "");
  socket.on("error", () => socket.destroy());
  // DNS by TCP speaks first as well: whatever it is, it is answered with something that counts as an answer.
  socket.once("data", (data) => {
    hit("tcp", at, at.port === 53 ? nameIn(data.subarray(2)) : data.toString("latin1").slice(0, 200));
    socket.end(
      at.port === 53
        ? withLength(answerTo(data.subarray(2)))
        : "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
    );
  });
}

for (const address of strangers) {
  for (const port of tcpPorts) listenTcp(address, port, (socket) => stranger(socket, { address, port }));
}
for (const address of [githubAddress, ...strangers])
  for (const port of udpPorts)
    waiting.push(
      new Promise((resolve) => {
        const socket = createSocket("udp4", (message, from) => {
          hit(
            port === 53 ? "dns" : "udp",
            { address, port },
            port === 53 ? nameIn(message) : message.toString("latin1").slice(0, 200),
          );
          socket.send(port === 53 ? answerTo(message) : "hello", from.port, from.address);
        });
        socket.bind(port, address, resolve);
      }),
    );
await Promise.all(waiting);
process.stdout.write("ready\n");

function nameIn(message: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; message[at]; at += 1 + (message[at] ?? 0))
    labels.push(message.toString("latin1", at + 1, at + 1 + (message[at] ?? 0)));
  return labels.join(".");
}

/** Every name is at the first stranger's. */
function answerTo(message: Buffer): Buffer {
  const reply = Buffer.from(message);
  if (reply.length < 12) return reply;
  reply[2] = 0x84;
  reply[3] = 0x80;
  reply.writeUInt16BE(1, 6);
  reply.writeUInt32BE(0, 8);
  return Buffer.concat([reply, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 203, 0, 113, 10])]);
}

function withLength(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
}
