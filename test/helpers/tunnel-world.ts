/** What lies at the far end of tunnels: names, addresses and a TLS server on loopback that stands at every address that is dialled. */
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { execa } from "execa";
import { openApiUpstream } from "../../src/gateway/api/upstream.ts";
import type { Internet } from "../../src/gateway/connect/internet.ts";
import { type TunnelLimits, tunnelLimits } from "../../src/gateway/connect/limits.ts";
import { openDoor } from "../../src/gateway/door.ts";
import { openCaps } from "../../src/gateway/model/caps.ts";
import { openReceipts } from "../../src/gateway/model/receipts.ts";
import { openModelUpstream } from "../../src/gateway/model/upstream.ts";
import { PackageScope } from "../../src/gateway/registry/scope.ts";
import { openRegistries } from "../../src/gateway/registry/serve.ts";
import { openSpool } from "../../src/gateway/spool.ts";
import { ensureFolder } from "../../src/privilege/folder.ts";
import type { EvidenceRow } from "../../src/run/evidence.ts";
import type { RunId } from "../../src/run/identity.ts";
import { mintTestRun } from "./gateway-house.ts";

export const listedHost = "docs.example.org";
export const otherHost = "evil.example.org";
/** What whoever is reached says, TLS or not. */
export const canary = "canary-was-here";

export interface TunnelWorld extends AsyncDisposable {
  folder: string;
  /** What a name resolves to, now. */
  answers: Map<string, readonly string[]>;
  /** "address:port", in the order of dialling. */
  dialled: string[];
  resolved: string[];
  /** What arrived: `hello BYTES` and then `tls NAME` with the name of its ClientHello, or `plain BYTES`. */
  heard: string[];
  /** All bytes that were passed on to whoever was dialled last, as latin1. */
  passedOn: string;
  internet: Internet;
  /** PEM file of the authority that signed the far end's certificate. */
  caFile: string;
  /** How the far end answers inside TLS. */
  serve(socket: Socket): void;
  /** What the far end says to a ClientHello, where it is not what TLS wants. */
  insteadOfTls: Buffer | undefined;
}

/** `ecdhCurve`: the groups that the far end takes. */
export async function openTunnelWorld({ ecdhCurve }: { ecdhCurve?: string } = {}): Promise<TunnelWorld> {
  const folder = await mkdtemp(join(tmpdir(), "alt-"));
  await ensureFolder({ path: folder, mode: 0o711 });
  const caFile = join(folder, "ca.pem");
  const names = [listedHost, otherHost].map((name) => `DNS:${name}`).join();
  await execa("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=world"],
    ...["-addext", `subjectAltName=${names}`, "-keyout", join(folder, "key.pem"), "-out", caFile],
  ]);
  const [key, cert] = await Promise.all([readFile(join(folder, "key.pem")), readFile(caFile)]);
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const world = {
    ...{
      folder,
      caFile,
      heard,
      dialled: [] as string[],
      resolved: [] as string[],
      answers: new Map<string, readonly string[]>(),
      passedOn: "",
      insteadOfTls: undefined as Buffer | undefined,
    },
    serve(socket: Socket) {
      socket.once("data", () => socket.end(page));
    },
  };
  const options = { key, cert, ALPNProtocols: ["http/1.1"], ...(ecdhCurve && { ecdhCurve }) };
  const tls = createTlsServer(options, (socket) => {
    heard.push(`tls ${socket.servername}`);
    socket.on("error", () => {});
    world.serve(socket);
  });
  tls.on("tlsClientError", (_error, socket) => socket.destroy());
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.once("data", (first: Buffer) => {
      socket.pause();
      if (first[0] === 22 && world.insteadOfTls) {
        socket.resume();
        socket.end(world.insteadOfTls);
      } else if (first[0] === 22) {
        heard.push(`hello ${first.length}`);
        socket.unshift(first);
        tls.emit("connection", socket);
      } else {
        heard.push(`plain ${first.toString("latin1").slice(0, 100)}`);
        socket.end(canary);
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const internet: Internet = {
    async resolve(host) {
      world.resolved.push(host);
      const answers = world.answers.get(host);
      if (!answers) throw new Error("no such name");
      return answers;
    },
    own: () => ["203.0.113.77"],
    dial(address, to) {
      world.dialled.push(`${address}:${to}`);
      world.passedOn = "";
      const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
      const { write } = socket;
      socket.write = ((chunk: Buffer, ...rest: []) => {
        world.passedOn += Buffer.from(chunk).toString("latin1");
        return write.call(socket, chunk, ...rest);
      }) as typeof write;
      return socket;
    },
  };
  return Object.assign(world, {
    internet,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  });
}

const page = `HTTP/1.1 200 OK\r\ncontent-length: ${canary.length}\r\nconnection: close\r\n\r\n${canary}`;

export interface TunnelDoor extends AsyncDisposable {
  run: RunId;
  socket: string;
  /** Shuts the door and gives all its rows. */
  closeAndRead(): Promise<EvidenceRow[]>;
}

/** A run's door in this process, with this world outside of it. `run`: of a door that was there before. */
export async function openTunnelDoor(
  world: TunnelWorld,
  {
    hosts = [listedHost],
    limits = {},
    run = mintTestRun(),
  }: { hosts?: string[]; limits?: Partial<TunnelLimits>; run?: RunId } = {},
): Promise<TunnelDoor> {
  const [folder, spoolFolder, cacheFolder] = [join(world.folder, run), join(world.folder, "spool"), join(world.folder, "cache")];
  for (const path of [folder, spoolFolder, cacheFolder]) await ensureFolder({ path, mode: 0o700 });
  const spool = openSpool(spoolFolder, run);
  const upstream = openModelUpstream({ baseUrl: "http://127.0.0.1:9", credential: { kind: "api-key", value: "none" } });
  const registries = openRegistries({ upstreams: {}, newPackages: 0, cacheFolder }, {});
  const api = openApiUpstream("http://127.0.0.1:9", {});
  const door = await openDoor(
    { run, folder, policy: {} },
    {
      ...{ upstream, registries, api, spool, spoolFolder, backendSocket: join(folder, "none.sock"), reader: () => undefined },
      caps: openCaps({
        ...{ socketPath: join(folder, "none.sock"), patienceMs: 1, receipts: openReceipts(join(spoolFolder, "receipts")) },
      }),
      packages: new PackageScope(join(spoolFolder, `${run}.new-names`), 0),
      tunnels: { hosts, internet: world.internet, limits: { ...tunnelLimits, ...limits } },
    },
  );
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= door.close(0);
    return closing;
  };
  return {
    ...{ run, socket: door.socketPath },
    async closeAndRead() {
      await close();
      spool.end();
      const rows: EvidenceRow[] = [];
      for await (const row of spool.follow(0, AbortSignal.timeout(5_000))) rows.push(row);
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await close();
      upstream.close();
      registries.close();
      api.close();
    },
  };
}

/** What an undefended proxy does: it resolves, dials and passes on whatever it is asked. Same names, same far end. */
export async function openPlainProxy(world: TunnelWorld): Promise<{ socket: string } & AsyncDisposable> {
  const socketPath = join(world.folder, "proxy.sock");
  const open = new Set<Socket>();
  const server = createServer();
  server.on("connect", async (request, client, head) => {
    const { hostname, port } = new URL(`https://${request.url}`);
    const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
    const address = world.answers.get(host)?.[0] ?? host;
    const far = world.internet.dial(address, Number(port || 443));
    for (const each of [client as Socket, far]) {
      open.add(each);
      each.on("error", () => {}).on("close", () => open.delete(each));
    }
    client.write("HTTP/1.1 200 OK\r\n\r\n");
    far.write(head);
    client.pipe(far).pipe(client);
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    socket: socketPath,
    async [Symbol.asyncDispose]() {
      for (const each of open) each.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface TlsWords {
  servername: string;
  maxVersion?: "TLSv1.2";
  /** The groups that are offered; the share is of the first. */
  ecdhCurve?: string;
  /** Changes what is sent, piece by piece, below TLS. */
  forge?: (piece: Buffer) => Buffer;
}

export interface TunnelTry {
  target: string;
  /** Spoken through the tunnel: TLS with this name in its ClientHello ("" for none), or these bytes. */
  say: TlsWords | Buffer;
  /** Of the CONNECT itself, beside Host. */
  headers?: string;
}

/** Asks for a tunnel and speaks through it. `head`: the answer to CONNECT, with its body where it is a refusal. `text`: what came back. */
export async function tryTunnel(socketPath: string, of: TunnelTry): Promise<{ head: string; text: string }> {
  const socket = connect(socketPath);
  socket.on("error", () => {});
  const head = Promise.withResolvers<string>();
  let seen = "";
  const read = (chunk: Buffer) => {
    seen += chunk.toString("latin1");
    if (!seen.includes("\r\n\r\n") || !seen.startsWith("HTTP/1.1 200")) return;
    socket.off("data", read);
    socket.pause();
    head.resolve(seen);
  };
  socket.on("data", read);
  socket.on("close", () => head.resolve(seen));
  socket.write(`CONNECT ${of.target} HTTP/1.1\r\nHost: ${of.target}\r\n${of.headers ?? ""}\r\n`);
  const answer = await head.promise;
  if (!answer.startsWith("HTTP/1.1 200")) return { head: answer, text: "" };
  try {
    return { head: answer, text: Buffer.isBuffer(of.say) ? await speakPlain(socket, of.say) : await speakTls(socket, of.say) };
  } finally {
    socket.destroy();
  }
}

async function speakPlain(socket: Socket, bytes: Buffer): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  const closed = new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
  socket.resume();
  socket.write(bytes);
  await closed;
  return text;
}

/** One GET inside TLS; or the code of the error that it ended with. */
async function speakTls(socket: Socket, { servername, maxVersion, ecdhCurve, forge }: TlsWords): Promise<string> {
  const tls = connectTls({
    socket: forge ? forging(socket, forge) : socket,
    rejectUnauthorized: false,
    ...(servername && { servername }),
    ...(maxVersion && { maxVersion }),
    ...(ecdhCurve && { ecdhCurve }),
  });
  let text = "";
  tls.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  const ended = Promise.withResolvers<void>();
  tls.on("error", (error: NodeJS.ErrnoException) => {
    text ||= error.code ?? error.message;
    ended.resolve();
  });
  tls.on("close", () => ended.resolve());
  socket.on("close", () => ended.resolve());
  tls.write("GET / HTTP/1.1\r\nHost: whoever\r\nConnection: close\r\n\r\n");
  await ended.promise;
  return text;
}

/** A socket below TLS that says something else than it is told. */
function forging(socket: Socket, forge: (piece: Buffer) => Buffer): Duplex {
  const between = new Duplex({
    read: () => void socket.resume(),
    write: (piece: Buffer, _encoding, done) => void socket.write(forge(piece), () => done()),
    final: (done) => void socket.end(done),
  });
  socket.on("data", (chunk: Buffer) => between.push(chunk)).on("end", () => between.push(null));
  return between;
}
