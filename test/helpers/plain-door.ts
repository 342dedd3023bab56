/** Doors that nobody hardened, as controls: what each passes on is kept. All are at Unix sockets in a folder of the test's. */
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { normalize } from "node:path/posix";

export interface Heard {
  method: string;
  target: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface PlainDoor extends AsyncDisposable {
  socket: string;
  /** What it would have passed on, as it understood it. */
  heard: Heard[];
}

/** A reverse proxy of plain node:http, lenient as an undefended one is: it passes on what its parser makes of the bytes, and takes the
 *  path as most routers do, decoded and without dots. */
export function openLenientDoor(folder: string): Promise<PlainDoor> {
  const heard: Heard[] = [];
  return listen(join(folder, "lenient.sock"), heard, (socketPath) => {
    const server = createServer({ insecureHTTPParser: true, requireHostHeader: false }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("error", () => {});
      request.on("end", () => {
        heard.push({
          ...{
            method: request.method ?? "",
            target: tidy(request.url ?? ""),
            headers: request.headers,
          },
          body: Buffer.concat(chunks).toString("latin1"),
        });
        response.end("{}");
      });
    });
    server.on("checkContinue", (request, response) => server.emit("request", request, response));
    server.on("checkExpectation", (request, response) => server.emit("request", request, response));
    server.on("clientError", (_error, socket) => socket.destroy());
    server.listen(socketPath);
    return server;
  });
}

/** One that was written by hand: lines end with any line feed, the last header of a name counts, folded lines are joined, the body is as
 *  long as Content-Length begins to say, and what is not understood is passed over. */
export function openHandWrittenDoor(folder: string): Promise<PlainDoor> {
  const heard: Heard[] = [];
  return listen(join(folder, "naive.sock"), heard, (socketPath) =>
    createTcpServer((socket) => {
      let seen = "";
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        seen += chunk.toString("latin1");
        for (let rest = readOne(seen, heard); rest !== undefined; rest = readOne(seen, heard)) {
          seen = rest;
          socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        }
      });
      socket.on("end", () => socket.end());
    }).listen(socketPath),
  );
}

function readOne(seen: string, heard: Heard[]): string | undefined {
  const end = /\r?\n\r?\n/.exec(seen);
  if (!end) return undefined;
  const [first = "", ...lines] = seen
    .slice(0, end.index)
    .replaceAll(/\r?\n[ \t]+/g, " ")
    .split(/\r?\n/);
  const headers: IncomingHttpHeaders = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  const [method = "", target = ""] = first.trim().split(/\s+/);
  const from = end.index + end[0].length;
  const length = Number.parseInt(headers["content-length"] ?? "0", 10) || 0;
  if (seen.length < from + length) return undefined;
  heard.push({ method: method.toUpperCase(), target: decode(target), headers, body: seen.slice(from, from + length) });
  return seen.slice(from + length);
}

/** A forward proxy: it asks whatever it is told to, redirects and all. `server`: what handles a request. */
export function openForwardProxy(folder: string): Promise<PlainDoor> {
  const heard: Heard[] = [];
  const handle: RequestListener = (request, response) => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    const onward = httpRequest(url, { method: request.method, headers: { host: url.host } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502);
      answer.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    onward.end();
  };
  return listen(join(folder, "forward.sock"), heard, (socketPath) => createServer(handle).listen(socketPath));
}

/** Without scheme and host, decoded, backslashes turned, dots and double slashes resolved. */
function tidy(target: string): string {
  return normalize(decode(target.replace(/^https?:\/\/[^/]*/i, "")).replaceAll("\\", "/"));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function listen(
  socket: string,
  heard: Heard[],
  open: (socketPath: string) => Server | ReturnType<typeof createTcpServer>,
): Promise<PlainDoor> {
  const server = open(socket);
  const sockets = new Set<Socket>();
  server.on("connection", (each: Socket) => {
    sockets.add(each);
    each.on("close", () => sockets.delete(each));
  });
  await once(server, "listening");
  return {
    ...{ socket, heard },
    async [Symbol.asyncDispose]() {
      for (const each of sockets) each.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
