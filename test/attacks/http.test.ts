/** Requests that two readers understand differently, byte for byte, at the door and at doors that nobody hardened. */
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flushPacket, printPacket } from "../../src/git/pkt-line.ts";
import type { RunId, Sha } from "../../src/run/identity.ts";
import { controlFell } from "../helpers/control.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { addCommit, closeServer } from "../helpers/git-upstream.ts";
import { openForwardProxy, openHandWrittenDoor, openLenientDoor, type PlainDoor } from "../helpers/plain-door.ts";
import { ask, sendRaw } from "../helpers/raw-http.ts";

const messages = "/v1/messages";
const call = '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hello"}]}';
const type = "Content-Type: application/json\r\n";
const length = `Content-Length: ${call.length}\r\n`;
const whole = `POST ${messages} HTTP/1.1\r\nHost: a\r\n${type}${length}Connection: close\r\n\r\n${call}`;
const post = (headers: string, body = call, start = `POST ${messages} HTTP/1.1`) => `${start}\r\n${headers}\r\n${body}`;
const inChunks = (bytes: string) => `${bytes.length.toString(16)}\r\n${bytes}\r\n0\r\n\r\n`;
const canary = "canary-was-here";

describe("the door's HTTP", { timeout: 60_000 }, () => {
  let house: House;
  const plain: PlainDoor[] = [];
  let forward: PlainDoor;
  const far = createServer((request, response) => {
    farHeard.push({ url: request.url ?? "", key: `${request.headers["x-api-key"] ?? ""}` });
    request.resume();
    response.end(canary);
  });
  const farHeard: { url: string; key: string }[] = [];
  let farPort: number;
  beforeAll(async () => {
    house = await openHouse();
    house.model.answer = (_request, response) => void response.end("{}");
    plain.push(await openLenientDoor(house.folder), await openHandWrittenDoor(house.folder));
    forward = await openForwardProxy(house.folder);
    far.listen(0, "127.0.0.1");
    await once(far, "listening");
    farPort = (far.address() as AddressInfo).port;
  }, 60_000);
  afterAll(async () => {
    for (const door of [...plain, forward]) await door?.[Symbol.asyncDispose]();
    await closeServer(far);
    await house?.[Symbol.asyncDispose]();
  });

  const openDoor = async (): Promise<{ run: RunId; socket: string }> => {
    const run = mintTestRun();
    house.model.asked.length = 0;
    farHeard.length = 0;
    return { run, socket: await house.openDoor(run) };
  };
  const openGitDoor = async () => {
    const door = await openDoor();
    const tip = (await addCommit(house.upstream.git, { branch: "main", path: "a.txt", text: "one" })) as Sha;
    await using transport = await house.openTransport({ of: "bases", allow: { kind: "fetch" } });
    const base = await house.git.fetchBase({ repositoryId: 7, branch: "main", transportSocket: transport.socketPath });
    if (base.at !== "fetched") throw new Error(base.at);
    await house.git.ensureRunRepository({ run: door.run, bases: [base.base], branches: [{ name: "main", sha: tip }] });
    return { ...door, tip };
  };
  /** All that a door answers until it is silent for a moment, or has closed. */
  const send = async (socket: string, bytes: string | Buffer): Promise<string> => {
    const client = connect(socket);
    let text = "";
    const done = Promise.withResolvers<void>();
    const clock = setTimeout(done.resolve, 400);
    client.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      clock.refresh();
    });
    client.on("error", done.resolve).on("close", done.resolve);
    client.end(bytes);
    await done.promise;
    clearTimeout(clock);
    client.destroy();
    return text;
  };
  const understood = async (bytes: string | Buffer) => {
    const all: PlainDoor["heard"] = [];
    for (const door of plain) {
      door.heard.length = 0;
      await send(door.socket, bytes);
      all.push(...door.heard);
    }
    return all;
  };

  /** Each with the rule that refuses it. Behind every one comes a whole request that a reader who errs takes for the next one, or for none. */
  const framings: [what: string, rule: string, bytes: string | Buffer][] = [
    [
      "a length and chunks",
      "http.malformed",
      post(`Host: a\r\n${type}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`, inChunks(call)),
    ],
    [
      "chunks and a length",
      "http.malformed",
      post(`Host: a\r\n${type}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`, inChunks(call)),
    ],
    ["two lengths", "http.malformed", post(`Host: a\r\n${type}Content-Length: 2\r\n${length}`)],
    ["two equal lengths", "http.malformed", post(`Host: a\r\n${type}${length}${length}`)],
    ["two lengths in one", "http.malformed", post(`Host: a\r\n${type}Content-Length: ${call.length}, ${call.length}\r\n`)],
    ["a length with a sign", "http.malformed", post(`Host: a\r\n${type}Content-Length: +${call.length}\r\n`)],
    ["a length with a zero before it", "http.framing", post(`Host: a\r\n${type}Content-Length: 0${call.length}\r\n`)],
    ["a hexadecimal length", "http.malformed", post(`Host: a\r\n${type}Content-Length: 0x4\r\n`)],
    ["chunked twice", "http.malformed", post(`Host: a\r\n${type}Transfer-Encoding: chunked, chunked\r\n`, inChunks(call))],
    ["gzip, chunked", "http.framing", post(`Host: a\r\n${type}Transfer-Encoding: gzip, chunked\r\n`, inChunks(call))],
    ["chunked in capitals", "http.framing", post(`Host: a\r\n${type}Transfer-Encoding: CHUNKED\r\n`, inChunks(call))],
    ["identity", "http.malformed", post(`Host: a\r\n${type}Transfer-Encoding: identity\r\n${length}`)],
    [
      "two transfer encodings",
      "http.malformed",
      post(`Host: a\r\n${type}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`, inChunks(call)),
    ],
    ["a folded header", "http.malformed", post(`Host: a\r\n${type}X: a\r\n b: c\r\n${length}`)],
    ["a folded encoding", "http.malformed", post(`Host: a\r\n${type}Transfer-Encoding:\r\n chunked\r\n`, inChunks(call))],
    ["a space before the colon", "http.malformed", post(`Host: a\r\n${type}Content-Length : ${call.length}\r\n`)],
    ["a space before the first header", "http.malformed", post(` Host: a\r\n${type}${length}`)],
    ["bare line feeds", "http.malformed", post(`Host: a\r\n${type}${length}`).replaceAll("\r\n", "\n")],
    ["one bare line feed", "http.malformed", post(`Host: a\n${type}${length}`)],
    ["a bare carriage return in a value", "http.malformed", post(`Host: a\r\n${type}X: a\rContent-Length: 3\r\n${length}`)],
    ["a NUL in a value", "http.malformed", post(`Host: a\r\n${type}X: a\0b\r\n${length}`)],
    ["a NUL in a name", "http.malformed", post(`Host: a\r\n${type}X\0: a\r\n${length}`)],
    ["an underscore in a name", "http.header-name", post(`Host: a\r\n${type}Content_Length: 3\r\n${length}`)],
    ["two hosts", "http.host", post(`Host: a\r\nHost: b\r\n${type}${length}`)],
    ["no host", "http.host", post(`${type}${length}`)],
    ["a header that comes twice", "http.header-twice", post(`Host: a\r\n${type}${type}${length}`)],
    [
      "an extension of a chunk",
      "http.chunk-extension",
      post(`Host: a\r\n${type}Transfer-Encoding: chunked\r\n`, `${call.length.toString(16)};x=y\r\n${call}\r\n0\r\n\r\n`),
    ],
    ["a chunk with a sign", "http.malformed", post(`Host: a\r\n${type}Transfer-Encoding: chunked\r\n`, `+${inChunks(call)}`)],
    ["a chunk in 0x", "http.malformed", post(`Host: a\r\n${type}Transfer-Encoding: chunked\r\n`, `0x${inChunks(call)}`)],
    [
      "a chunk ended by a line feed",
      "http.malformed",
      post(`Host: a\r\n${type}Transfer-Encoding: chunked\r\n`, inChunks(call).replaceAll("\r\n", "\n")),
    ],
    [
      "a trailer",
      "http.trailer",
      post(
        `Host: a\r\n${type}Transfer-Encoding: chunked\r\n`,
        `${call.length.toString(16)}\r\n${call}\r\n0\r\nX-Api-Key: b\r\n\r\n`,
      ),
    ],
    [
      "a trailer announced",
      "http.trailer",
      post(`Host: a\r\n${type}Trailer: X\r\nTransfer-Encoding: chunked\r\n`, inChunks(call)),
    ],
    ["a GET with a body", "http.body", post(`Host: a\r\n${type}${length}`, call, "GET /healthz HTTP/1.1")],
    ["a HEAD with a body", "http.body", post(`Host: a\r\n${type}${length}`, call, "HEAD /healthz HTTP/1.1")],
    ["an upgrade", "http.upgrade", post(`Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n`, "", "GET /healthz HTTP/1.1")],
    ["an upgrade of a call", "http.upgrade", post(`Host: a\r\n${type}${length}Connection: Upgrade\r\nUpgrade: websocket\r\n`)],
    ["HTTP/2's preface", "http.malformed", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    [
      "Connection that names a header",
      "http.connection",
      post(`Host: a\r\n${type}${length}X-Api-Key: a\r\nConnection: x-api-key\r\n`),
    ],
    [
      "Connection that names the length",
      "http.malformed",
      post(`Host: a\r\n${type}${length}Connection: close, content-length\r\n`),
    ],
    ["an expectation", "http.expect", post(`Host: a\r\n${type}${length}Expect: 100-continue\r\n`)],
    ["TE", "http.te", post(`Host: a\r\n${type}${length}TE: trailers\r\n`)],
    ["HTTP/1.0", "http.malformed", post(`Host: a\r\n${type}${length}`, call, `POST ${messages} HTTP/1.0`)],
    ["HTTP/1.2", "http.malformed", post(`Host: a\r\n${type}${length}`, call, `POST ${messages} HTTP/1.2`)],
    ["no version", "http.malformed", `GET ${messages}\r\n\r\n`],
    ["a tab between method and path", "http.malformed", post(`Host: a\r\n${type}${length}`, call, `POST\t${messages} HTTP/1.1`)],
    ["a method in small letters", "http.malformed", post(`Host: a\r\n${type}${length}`, call, `post ${messages} HTTP/1.1`)],
    ["a method of nobody's", "http.malformed", post(`Host: a\r\n${type}${length}`, call, `SMUGGLE ${messages} HTTP/1.1`)],
  ];
  it.each(framings)("[11] refuses %s whole, by %s, and what comes behind it is nobody's request", async (_what, rule, bytes) => {
    const raw = Buffer.concat([Buffer.from(bytes as string, "latin1"), Buffer.from(whole)]);
    controlFell((await understood(raw)).length > 0, "a lenient reader of the same bytes");
    const { run, socket } = await openDoor();
    const answer = await send(socket, raw);
    expect(answer.match(/HTTP\/1\.1 [1235]\d\d/g) ?? []).toEqual([]);
    expect(answer.match(/HTTP\/1\.1 4\d\d/g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(house.model.asked).toEqual([]);
    const rows = await house.closeAndRead(run);
    expect(rows.map((row) => [row.verdict, row.rule])).toEqual([["refused", rule]]);
  });

  it.each([
    ["an extension of a chunk", "http.chunk-extension", "8;x=y\r\n", "0\r\n\r\n"],
    ["a trailer", "http.trailer", "8\r\n", "0\r\nX: y\r\n\r\n"],
  ])("[11] lets git take no push that comes with %s, though its first part was passed on", async (_what, rule, size, end) => {
    const { run, socket, tip } = await openGitDoor();
    const command = printPacket(`${"0".repeat(40)} ${tip} refs/heads/new\0report-status`);
    const pack = Buffer.from("5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e", "hex");
    const first = Buffer.concat([command, flushPacket, pack.subarray(0, -8)]);
    const lines = "Host: a\r\nContent-Type: application/x-git-receive-pack-request\r\nTransfer-Encoding: chunked\r\n\r\n";
    const begin = Buffer.concat([
      Buffer.from(`POST /git/repository.git/git-receive-pack HTTP/1.1\r\n${lines}${first.length.toString(16)}\r\n`),
      first,
    ]);
    const rest = (sizeLine: string, last: string) =>
      Buffer.concat([Buffer.from(`\r\n${sizeLine}`), pack.subarray(-8), Buffer.from(`\r\n${last}`)]);
    const refs = async () =>
      (await ask(socket, { method: "GET", target: "/git/repository.git/info/refs?service=git-upload-pack" })).body;
    const push = async (...parts: Buffer[]) => {
      const client = connect(socket);
      client.on("error", () => {}).resume();
      const closed = new Promise<void>((resolve) => void client.once("close", () => resolve()).once("data", () => resolve()));
      for (const part of parts) await new Promise((resolve) => client.write(part, resolve));
      await closed;
      client.destroy();
    };
    await push(begin, rest(size, end));
    expect(await refs()).not.toContain("refs/heads/new");
    controlFell((await understood(Buffer.concat([begin, rest(size, end)]))).length > 0, "a lenient reader of the same bytes");
    // The same push without it.
    await push(begin, rest("8\r\n", "0\r\n\r\n"));
    expect(await refs()).toContain("refs/heads/new");
    const rows = await house.closeAndRead(run);
    expect(rows.filter((row) => row.method === "POST").map((row) => [row.verdict, row.rule])).toEqual([
      ["refused", rule],
      ["allowed", "git.run-repository"],
    ]);
  });

  it("[11] serves the same request where it has one reading", async () => {
    const { run, socket } = await openDoor();
    expect(await sendRaw(socket, whole)).toContain("200 OK");
    expect(
      await sendRaw(socket, post(`Host: a\r\n${type}Connection: close\r\nTransfer-Encoding: chunked\r\n`, inChunks(call))),
    ).toContain("200 OK");
    expect(house.model.asked.map(({ body }) => JSON.parse(body))).toEqual([JSON.parse(call), JSON.parse(call)]);
    expect((await house.closeAndRead(run)).map((row) => row.verdict)).toEqual(["allowed", "allowed"]);
  });

  /** Other spellings of a path that is served. A reader that decodes or tidies takes them for it. */
  const spellings = [
    ...[
      "/v1/%6Dessages",
      "/%76%31/messages",
      "/v1%2Fmessages",
      "/v1%2fmessages",
      "//v1/messages",
      "/v1//messages",
      "/./v1/messages",
    ],
    ...[
      "/v1/./messages",
      "/v1/x/../messages",
      "/v1/%2e%2e/v1/messages",
      "/v1/%2E/messages",
      "/healthz/../v1/messages",
      "/\\v1/messages",
    ],
    ...[
      "/v1\\messages",
      "/git/..%2fv1/messages",
      "/v1/messages#x",
      "http://a/v1/messages",
      "HTTP://evil/v1/messages",
      "//evil/../v1/messages",
    ],
  ];
  it.each(spellings)("[8] takes %s for no path that it knows", async (target) => {
    const bytes = whole.replace(messages, target);
    controlFell(
      (await understood(bytes)).some((heard) => heard.target === messages || heard.target.startsWith(`${messages}#`)),
      "a reader that tidies paths",
    );
    const { run, socket } = await openDoor();
    expect(await send(socket, bytes)).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(house.model.asked).toEqual([]);
    expect((await house.closeAndRead(run)).map((row) => row.verdict)).toEqual(["refused"]);
  });

  /** The loopback canary in odd notations: an undefended proxy reaches it by each. */
  const notations = [
    ...["127.0.0.1", "localhost", "LOCALHOST", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1"],
    ...["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "user@127.0.0.1", "%31%32%37.0.0.1"],
  ];
  it.each(notations)("[2][6][7][8] proxies nothing to %s, by target or by Host", async (host) => {
    const url = `http://${host}:${farPort}/latest/meta-data`;
    const ask = (target: string, name: string) => `GET ${target} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`;
    controlFell((await sendRaw(forward.socket, ask(url, "a"))).includes(canary), "an open proxy");
    const { run, socket } = await openDoor();
    for (const bytes of [ask(url, "a"), ask(url, `${host}:${farPort}`), ask("/latest/meta-data", `${host}:${farPort}`)])
      expect(await send(socket, bytes)).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(farHeard).toEqual([]);
    const rows = await house.closeAndRead(run);
    expect(rows.map((row) => [row.verdict, row.rule])).toEqual([
      ["refused", "http.target"],
      ["refused", "http.target"],
      ["refused", "default.refuse"],
    ]);
  });

  it("[6][7] asks no metadata address, whatever the request's form", async () => {
    const { run, socket } = await openDoor();
    controlFell(
      (
        await sendRaw(forward.socket, `GET http://127.0.0.1:${farPort}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      ).includes(canary),
      "an open proxy, of a stand-in",
    );
    for (const host of [
      "169.254.169.254",
      "metadata.google.internal",
      "[fd00:ec2::254]",
      "100.100.100.200",
      "0xa9fea9fe",
      "2852039166",
    ])
      for (const bytes of [
        `GET http://${host}/latest HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
        `CONNECT ${host}:80 HTTP/1.1\r\nHost: ${host}:80\r\n\r\n`,
      ])
        expect(await send(socket, bytes), host).toMatch(/^HTTP\/1\.1 40[03] /);
    expect((await house.closeAndRead(run)).filter((row) => row.verdict === "refused")).toHaveLength(12);
  });

  it("[61] ends a refused request whose body goes on, after the client has read the whole refusal", async () => {
    const feed = async (socket: string, limitBytes: number) => {
      const client = connect(socket);
      let [sent, text] = [0, ""];
      const closed = Promise.withResolvers<"closed" | "taken">();
      client.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
      });
      client.on("error", () => closed.resolve("closed")).on("close", () => closed.resolve("closed"));
      client.write("POST /v1/files HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
      const chunk = Buffer.from(`10000\r\n${"x".repeat(0x10000)}\r\n`);
      const more = () => {
        if (!client.writable) return;
        sent += chunk.length;
        if (sent > limitBytes) closed.resolve("taken");
        else client.write(chunk, more);
      };
      more();
      const how = await closed.promise;
      client.destroy();
      return { how, text };
    };
    const refuser = createServer((_request, response) => void response.writeHead(403).end("no"));
    refuser.listen(`${house.folder}/refuser.sock`);
    await once(refuser, "listening");
    // More than the door reads before it gives up.
    const much = 96 * 1024 * 1024;
    controlFell((await feed(`${house.folder}/refuser.sock`, much)).how === "taken", "a server that only answers 403");
    await closeServer(refuser);
    const { run, socket } = await openDoor();
    const refused = await feed(socket, 1024 * much);
    expect(refused.how).toBe("closed");
    expect(refused.text).toMatch(/^HTTP\/1\.1 403 .*Rule default\.refuse\./s);
    expect(refused.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect((await house.closeAndRead(run)).map((row) => row.rule)).toEqual(["default.refuse"]);
  });

  it("[61] serves a neighbour while 300 clients of one run never finish", async () => {
    const never = (socket: string) =>
      Array.from({ length: 300 }, () => {
        const client = connect(socket);
        client.on("error", () => {}).write("POST /v1/messages HTTP/1.1\r\nHost: a\r\n");
        return client;
      });
    // One door for all runs, with as many places.
    const shared = createServer((_request, response) => void response.end(canary));
    shared.maxConnections = 64;
    shared.listen(`${house.folder}/shared.sock`);
    await once(shared, "listening");
    const crowd = never(`${house.folder}/shared.sock`);
    await expect.poll(() => crowd.filter((client) => client.closed).length).toBe(300 - 64);
    const behind = await ask(`${house.folder}/shared.sock`, { method: "GET", target: "/" }).catch(() => ({ body: "" }));
    controlFell(behind.body === "", "one door for all, whose neighbour is not served");
    for (const client of crowd) client.destroy();
    await closeServer(shared);

    const { run, socket } = await openDoor();
    const neighbour = await openDoor();
    const clients = never(socket);
    await expect
      .poll(() => clients.filter((client) => client.closed).length, { timeout: 10_000 })
      .toBeGreaterThanOrEqual(300 - 64);
    for (let nth = 0; nth < 5; nth += 1)
      expect((await ask(neighbour.socket, { method: "GET", target: "/healthz" })).status).toBe(200);
    for (const client of clients) client.destroy();
    await expect.poll(async () => (await ask(socket, { method: "GET", target: "/healthz" })).status).toBe(200);
    const told = (await house.closeAndRead(run)).filter((row) => row.rule === "door.connections");
    expect(told.reduce((sum, row) => sum + Number.parseInt(row.target, 10), 0)).toBe(300 - 64);
  });

  it.each([301, 302, 303, 307, 308])("[61] takes the key nowhere that a %d of the model API points to", async (status) => {
    const location = `http://127.0.0.1:${farPort}/stolen`;
    house.model.answer = (_request, response) => void response.writeHead(status, { location }).end();
    try {
      farHeard.length = 0;
      const key = "key-of-a-client-that-follows";
      await fetch(house.model.url, { method: "POST", body: call, headers: { "x-api-key": key } }).then((answer) => answer.text());
      controlFell(
        farHeard.some((heard) => heard.key === key),
        "a client that follows redirects",
      );
      const { run, socket } = await openDoor();
      const answer = await sendRaw(socket, whole);
      expect(farHeard).toEqual([]);
      expect(house.model.asked).toHaveLength(1);
      expect(answer).not.toContain(`${farPort}`);
      expect(answer).toContain("Rule model.redirect-refused.");
      expect((await house.closeAndRead(run)).map((row) => row.verdict)).toEqual(["refused"]);
    } finally {
      house.model.answer = (_request, response) => void response.end("{}");
    }
  });

  it.runIf(process.getuid?.() === 0)("[62] puts nothing of a request's headers into git's environment", async () => {
    const headers = {
      ...{
        proxy: "http://evil:1/",
        "git-protocol": "version=2:evil=1",
        "x-forwarded-for": "evil",
        "remote-user": "evil",
        cookie: "evil",
      },
      ...{
        "user-agent": "evil",
        "accept-language": "evil",
        authorization: "Basic evil",
        "content-type": "application/x-git-receive-pack-request",
      },
    };
    const { run, socket, tip } = await openGitDoor();
    // A CGI as every web server's is: each header becomes a variable.
    const cgi: Record<string, string> = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [`HTTP_${name.toUpperCase().replaceAll("-", "_")}`, value]),
    );
    controlFell(cgi.HTTP_PROXY === headers.proxy, "the proxy that every child of a plain CGI is told to use");
    // It waits for the rest, and meanwhile its process can be looked at.
    const client = connect(socket);
    client.on("error", () => {});
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const body = printPacket(`${"0".repeat(40)} ${tip} refs/heads/x\0report-status push-options`);
    client.write(
      `POST /git/repository.git/git-receive-pack HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n${lines.join("")}\r\n${body}`,
    );
    const environments = async () => {
      const all: Record<string, string>[] = [];
      for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
        const [line, environ] = await Promise.all(
          ["cmdline", "environ"].map((file) => readFile(`/proc/${pid}/${file}`, "latin1").catch(() => "")),
        );
        if (line?.includes("http-backend") && environ?.includes(run))
          all.push(Object.fromEntries(environ.split("\0").map((entry) => entry.split(/=(.*)/s).slice(0, 2) as [string, string])));
      }
      return all;
    };
    try {
      await expect.poll(async () => (await environments()).length, { timeout: 20_000 }).toBeGreaterThan(0);
      const [environment = {}] = await environments();
      expect(environment.REQUEST_METHOD).toBe("POST");
      expect(JSON.stringify(environment)).not.toContain("evil");
      expect(Object.keys(environment).filter((name) => /^HTTP_|^http_|PROXY|^GIT_PROTOCOL$/.test(name))).toEqual([]);
    } finally {
      client.destroy();
    }
  });
});
