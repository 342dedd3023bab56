import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runBehindDoor } from "../helpers/behind-door.ts";
import { helloFor } from "../helpers/client-hello.ts";
import { ask } from "../helpers/raw-http.ts";
import {
  canary,
  listedHost,
  openTunnelDoor,
  openTunnelWorld,
  type TunnelDoor,
  type TunnelWorld,
  tryTunnel,
} from "../helpers/tunnel-world.ts";

const target = `${listedHost}:443`;
/** Whether in peace or not. */
const closed = (socket: TLSSocket) => new Promise<void>((resolve) => void socket.once("close", () => resolve()));
const say = { servername: listedHost };

describe("a run's tunnels", { timeout: 60_000 }, () => {
  let world: TunnelWorld;
  let door: TunnelDoor;
  const openWith = async (limits: Parameters<typeof openTunnelDoor>[1]) => {
    await door[Symbol.asyncDispose]();
    door = await openTunnelDoor(world, limits);
  };
  beforeAll(async () => {
    world = await openTunnelWorld();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    world.answers.clear();
    world.answers.set(listedHost, ["1.1.1.1"]);
    const before = world.serve;
    for (const list of [world.dialled, world.resolved, world.heard]) list.length = 0;
    door = await openTunnelDoor(world);
    return async () => {
      world.serve = before;
      await door[Symbol.asyncDispose]();
    };
  });

  /** A tunnel that stays open, with TLS inside. */
  async function openTls(): Promise<TLSSocket> {
    const socket = connect(door.socket);
    socket.on("error", () => {});
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    const [head] = (await once(socket, "data")) as [Buffer];
    expect(head.toString()).toContain("200 Connection established");
    const tls = connectTls({ socket, servername: listedHost, rejectUnauthorized: false });
    tls.on("error", () => {});
    await once(tls, "secureConnect");
    return tls;
  }

  /** With the environment that the sandbox gives its agent. */
  const clients: Record<string, string> = {
    curl: `curl -sS --cacert "$CA" https://${listedHost}/`,
    wget: `wget -qO- --ca-certificate="$CA" https://${listedHost}/`,
    "python's urllib": `/usr/bin/python3 -c 'import os, ssl, urllib.request as r; c = ssl.create_default_context(cafile=os.environ["CA"]); print(r.urlopen("https://${listedHost}/", context=c).read().decode())'`,
    "node's fetch": `NODE_USE_ENV_PROXY=1 NODE_EXTRA_CA_CERTS="$CA" "$NODE" -e 'fetch("https://${listedHost}/").then((r) => r.text()).then(console.log)'`,
    "openssl s_client": `printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' | openssl s_client -quiet -proxy 127.0.0.1:8090 -connect ${target} -servername ${listedHost}`,
  };
  it.runIf(process.getuid?.() === 0).each(Object.keys(clients))("serve %s as it is", async (client) => {
    const env = {
      ...{ CA: world.caFile, HTTPS_PROXY: "http://127.0.0.1:8090", https_proxy: "http://127.0.0.1:8090" },
      ...{ NO_PROXY: "127.0.0.1,localhost", no_proxy: "127.0.0.1,localhost" },
    };
    const script = `${clients[client]}; curl -s http://127.0.0.1:8090/healthz`;
    const { all } = await runBehindDoor({ socket: door.socket, cwd: world.folder, script, env });
    expect(all).toContain(canary);
    // What is plain goes to the door itself, and tells the sandbox that there are tunnels.
    expect(all).toContain(`"tunnels":["${listedHost}"]`);
    expect(world.heard).toContain(`tls ${listedHost}`);
    expect(world.dialled).toEqual(["1.1.1.1:443"]);
    const rows = (await door.closeAndRead()).filter((row) => row.door === "connect");
    expect(rows.map(({ method, target: asked, verdict, rule, status }) => [method, asked, verdict, rule, status])).toEqual([
      ["CONNECT", target, "allowed", "connect.listed", 200],
      ["CONNECT", target, "allowed", "connect.ended", 200],
    ]);
    expect(rows[1]?.bytesIn).toBeGreaterThan(200);
    expect(rows[1]?.bytesOut).toBeGreaterThan(canary.length);
  });

  it("carry every byte both ways, at the pace of the slower side, and count them", async () => {
    world.serve = (socket) => void socket.pipe(socket);
    const sent = randomBytes(8 * 1024 * 1024);
    const tls = await openTls();
    const hash = createHash("sha256");
    let got = 0;
    tls.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      got += chunk.length;
      if (got === sent.length) tls.end();
    });
    tls.write(sent);
    await closed(tls);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(sent).digest("hex"));
    const ended = (await door.closeAndRead()).at(-1);
    expect(ended?.rule).toBe("connect.ended");
    for (const bytes of [ended?.bytesIn ?? 0, ended?.bytesOut ?? 0]) {
      expect(bytes).toBeGreaterThan(sent.length);
      expect(bytes).toBeLessThan(sent.length * 1.05);
    }
  });

  it("take a ClientHello that comes in single bytes", async () => {
    const socket = connect(door.socket);
    socket.on("error", () => {});
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    await once(socket, "data");
    const hello = helloFor(listedHost);
    socket.resume();
    for (const byte of hello) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
    await expect.poll(() => world.heard).toContain(`hello ${hello.length}`);
    socket.destroy();
    expect((await door.closeAndRead()).map(({ rule }) => rule)).toEqual(["connect.listed", "connect.ended"]);
  });

  it("take what a client sends before it is told that it may", async () => {
    const socket = connect(door.socket);
    socket.on("error", () => {});
    socket.resume();
    const hello = helloFor(listedHost);
    socket.write(Buffer.concat([Buffer.from(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`), hello]));
    await expect.poll(() => world.heard).toContain(`hello ${hello.length}`);
    socket.destroy();
  });

  it("are so many at once and no more; one that ends makes room", async () => {
    await openWith({ limits: { tunnels: 2 } });
    world.serve = () => {};
    const [first, second] = [await openTls(), await openTls()];
    const third = await tryTunnel(door.socket, { target, say });
    expect(third.head).toMatch(/^HTTP\/1\.1 429 .*Rule connect\.too-many\. [A-Z]/s);
    first.destroy();
    await expect.poll(async () => (await tryTunnel(door.socket, { target, say: Buffer.from("no tls") })).head).toContain("200");
    second.destroy();
  });

  it.each(["sent", "got"] as const)(
    "end where the run has %s its share, and none is opened any more, after a restart neither",
    async (way) => {
      world.serve = (socket) => void socket.pipe(socket);
      await openWith({ limits: { [`${way}Bytes`]: 200_000 } });
      const tls = await openTls();
      tls.resume();
      tls.write(Buffer.alloc(400_000));
      await closed(tls);
      const { run } = door;
      const last = (await door.closeAndRead()).at(-1);
      expect([last?.verdict, last?.rule]).toEqual(["refused", "connect.too-much"]);
      const carried = way === "sent" ? last?.bytesIn : last?.bytesOut;
      expect(carried).toBeLessThanOrEqual(200_000);
      expect(carried).toBeGreaterThan(100_000);
      // As by a gateway that was started anew: what was carried stands in the record.
      await openWith({ run, limits: { [`${way}Bytes`]: carried ?? 0 } });
      expect((await tryTunnel(door.socket, { target, say })).head).toContain("Rule connect.too-much.");
    },
  );

  it.each([
    ["idle", { idleMs: 200 }],
    ["expired", { wholeMs: 200 }],
  ] as const)("end when they are %s", async (rule, limits) => {
    world.serve = () => {};
    await openWith({ limits });
    const tls = await openTls();
    await closed(tls);
    expect((await door.closeAndRead()).map((row) => [row.verdict, row.rule])).toEqual([
      ["allowed", "connect.listed"],
      ["allowed", `connect.${rule}`],
    ]);
  });

  it("end with their door, and stand on record", async () => {
    world.serve = () => {};
    const tls = await openTls();
    const gone = closed(tls);
    const rows = await door.closeAndRead();
    await gone;
    expect(rows.map(({ rule }) => rule)).toEqual(["connect.listed", "connect.ended"]);
  });

  it("say it when the far end is away, and when a client leaves without a word", async () => {
    world.answers.delete(listedHost);
    const away = await tryTunnel(door.socket, { target, say });
    expect(away.head).toMatch(/^HTTP\/1\.1 502 .*Rule connect\.away\. The operator/s);
    world.answers.set(listedHost, ["1.1.1.1"]);
    const socket = connect(door.socket);
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    await once(socket, "data");
    socket.destroy();
    await expect.poll(async () => (await ask(door.socket, { method: "GET", target: "/healthz" })).status).toBe(200);
    const rows = (await door.closeAndRead()).filter((row) => row.door === "connect");
    expect(rows.map(({ rule }) => rule)).toEqual(["connect.away", "connect.unused"]);
  });
});
