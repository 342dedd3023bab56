/** ClientHellos: made by hand, byte for byte, and caught from real clients. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { execa } from "execa";

const u16 = (value: number) => Buffer.of(value >> 8, value & 255);
const vector8 = (bytes: Buffer) => Buffer.concat([Buffer.of(bytes.length), bytes]);
const vector16 = (bytes: Buffer) => Buffer.concat([u16(bytes.length), bytes]);

export interface HelloParts {
  version?: number;
  session?: Buffer;
  suites?: Buffer;
  compression?: Buffer;
  extensions?: readonly (readonly [type: number, data: Buffer])[];
  /** Put behind the last field, within the message. */
  after?: Buffer;
}

export const serverName = (...names: readonly (readonly [type: number, name: string])[]): Buffer =>
  vector16(Buffer.concat(names.map(([type, name]) => Buffer.concat([Buffer.of(type), vector16(Buffer.from(name, "latin1"))]))));

/** A handshake message, without records. */
export function printHello(parts: HelloParts): Buffer {
  const extensions = (parts.extensions ?? []).map(([type, data]) => Buffer.concat([u16(type), vector16(data)]));
  const body = Buffer.concat([
    ...[u16(parts.version ?? 0x0303), Buffer.alloc(32, 7), vector8(parts.session ?? Buffer.alloc(32, 9))],
    ...[vector16(parts.suites ?? Buffer.of(0x13, 1)), vector8(parts.compression ?? Buffer.of(0))],
    ...[vector16(Buffer.concat(extensions)), parts.after ?? Buffer.alloc(0)],
  ]);
  return Buffer.concat([Buffer.of(1, body.length >> 16, (body.length >> 8) & 255, body.length & 255), body]);
}

/** Cuts a message into records at the given places. */
export function printRecords(message: Buffer, cuts: readonly number[] = [], version = 0x0301): Buffer {
  const places = [0, ...new Set(cuts.filter((cut) => cut > 0 && cut < message.length).toSorted((a, b) => a - b)), message.length];
  return Buffer.concat(
    places.slice(0, -1).flatMap((from, nth) => {
      const part = message.subarray(from, places[nth + 1]);
      return [Buffer.of(22), u16(version), u16(part.length), part];
    }),
  );
}

export const helloFor = (name: string): Buffer => printRecords(printHello({ extensions: [[0, serverName([0, name])]] }));

/** The first flight of a program that connects to the port it is told, which nobody answers. */
export async function catchHello(command: (port: number) => readonly [file: string, ...args: string[]]): Promise<Buffer> {
  const caught = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => {
    const chunks: Buffer[] = [];
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      if (bytes.length < 5 || bytes.length < 5 + bytes.readUInt16BE(3)) return;
      caught.resolve(bytes);
      socket.destroy();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const [file, ...args] = command((server.address() as AddressInfo).port);
  const { PATH = "" } = process.env;
  const running = execa(file, args, { reject: false, stdin: "ignore", extendEnv: false, env: { PATH }, timeout: 30_000 });
  void running.then((ended) => caught.reject(new Error(`${file} sent no ClientHello: ${ended.stderr}`)));
  try {
    return await caught.promise;
  } finally {
    await running;
    server.close();
  }
}
