import { once } from "node:events";
import { connect } from "node:net";

/** Sends bytes to a Unix socket as they are, and gives all that comes back until the far end closes (or `until` matches). */
export async function sendRaw(socketPath: string, bytes: string | Buffer, until?: RegExp): Promise<string> {
  const socket = connect(socketPath);
  await once(socket, "connect");
  let answer = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
    if (until?.test(answer)) resolve();
  });
  socket.on("error", () => resolve());
  socket.on("close", () => resolve());
  socket.write(bytes);
  await promise;
  socket.destroy();
  return answer;
}

/** One ordinary request over a Unix socket. */
export async function ask(
  socketPath: string,
  request: { method: string; target: string; headers?: Record<string, string>; body?: string | Buffer },
): Promise<{ status: number; body: string; raw: string }> {
  const body = Buffer.from(request.body ?? "");
  const headers = {
    host: "airlock",
    connection: "close",
    ...(body.length > 0 ? { "content-length": String(body.length) } : {}),
    ...request.headers,
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const raw = await sendRaw(
    socketPath,
    Buffer.concat([Buffer.from(`${request.method} ${request.target} HTTP/1.1\r\n${head.join("")}\r\n`), body]),
  );
  return { status: Number(raw.slice(9, 12)), body: raw.slice(raw.indexOf("\r\n\r\n") + 4), raw };
}
