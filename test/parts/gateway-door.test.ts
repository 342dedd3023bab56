import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RunId } from "../../src/run/identity.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { ask, sendRaw } from "../helpers/raw-http.ts";

const model = "/v1/messages";
const sent = '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hello"}]}';

describe("a run's door", () => {
  let house: House;
  let run: RunId;
  let socket: string;

  beforeAll(async () => {
    house = await openHouse({ tunnelHosts: ["docs.example.org"] });
    house.model.answer = (_request, response) => void response.end("{}");
  }, 60_000);
  afterAll(() => house[Symbol.asyncDispose]());
  beforeEach(async () => {
    run = mintTestRun();
    socket = await house.openDoor(run);
    house.model.asked.length = 0;
  });

  it("[11] refuses every ambiguous request whole, closes, keeps one row, and the smuggled one behind it is never asked", async () => {
    const smuggled = `POST ${model} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${sent.length}\r\n\r\n${sent}`;
    const post = (lines: string, body = sent) => `POST ${model} HTTP/1.1\r\n${lines}\r\n${body}`;
    const type = "Content-Type: application/json\r\n";
    const length = `Content-Length: ${sent.length}\r\n`;
    const chunked = `${sent.length.toString(16)}\r\n${sent}\r\n0\r\n\r\n`;
    const cases: Record<string, string> = {
      "two hosts": post(`Host: a\r\nHost: b\r\n${type}${length}`),
      "no host": post(`${type}${length}`),
      "absolute form": `GET http://evil/healthz HTTP/1.1\r\nHost: a\r\n\r\n`,
      fragment: `GET /healthz#x HTTP/1.1\r\nHost: a\r\n\r\n`,
      "length and chunks": post(`Host: a\r\n${type}${length}Transfer-Encoding: chunked\r\n`, chunked),
      "two lengths": post(`Host: a\r\n${type}${length}${length}`),
      "gzip, chunked": post(`Host: a\r\n${type}Transfer-Encoding: gzip, chunked\r\n`, chunked),
      xchunked: post(`Host: a\r\n${type}Transfer-Encoding: xchunked\r\n`, chunked),
      folded: post(`Host: a\r\n${type}X: a\r\n b\r\n${length}`),
      "space before colon": post(`Host: a\r\n${type}Content-Length : ${sent.length}\r\n`),
      "connection names a header": post(`Host: a\r\n${type}${length}Connection: x-api-key\r\n`),
      upgrade: `GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
      expect: post(`Host: a\r\n${type}${length}Expect: 100-continue\r\n`),
      "expect odd": post(`Host: a\r\n${type}${length}Expect: x\r\n`),
      "get with body": `GET /healthz HTTP/1.1\r\nHost: a\r\n${length}\r\n${sent}`,
      "http/1.0": `GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n`,
      "trailer announced": post(`Host: a\r\n${type}Transfer-Encoding: chunked\r\nTrailer: x\r\n`, chunked),
      trailer: post(
        `Host: a\r\n${type}Transfer-Encoding: chunked\r\n`,
        `${sent.length.toString(16)}\r\n${sent}\r\n0\r\nX: y\r\n\r\n`,
      ),
      "bad chunk": post(`Host: a\r\n${type}Transfer-Encoding: chunked\r\n`, "zz\r\n"),
      "not http": "\u0016\u0003\u0001\u0002\r\n\r\n",
    };
    for (const [name, bytes] of Object.entries(cases)) {
      const answer = await sendRaw(socket, bytes + (name === "bad chunk" ? "" : smuggled));
      expect(answer, name).toMatch(/^(HTTP\/1\.1 40[03] |$)/);
      expect(answer.match(/HTTP\/1\.1 \d/g)?.length ?? 0, name).toBeLessThanOrEqual(1);
    }
    expect(house.model.asked).toEqual([]);
    // The control: the smuggled request by itself is served.
    expect(await sendRaw(socket, smuggled, /\r\n\r\n.*\{\}/s)).toContain("200 OK");
    expect(house.model.asked.length).toBe(1);
    const rows = await house.closeAndRead(run);
    expect(rows.map((row) => row.rule).length, JSON.stringify(rows.map((row) => [row.rule, row.target]))).toBe(
      Object.keys(cases).length + 1,
    );
    expect(rows.filter((row) => row.verdict === "allowed").length).toBe(1);
  }, 60_000);

  it("[2][6] opens no tunnel but to listed hosts, and proxies nothing", async () => {
    const connectAnswer = await sendRaw(socket, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
    expect(connectAnswer).toContain("403 Forbidden");
    expect((await ask(socket, { method: "GET", target: "/healthz" })).body).toContain('"tunnels":["docs.example.org"]');
    expect((await ask(socket, { method: "GET", target: "http://169.254.169.254/latest/meta-data" })).status).toBe(400);
    expect((await ask(socket, { method: "GET", target: "/metrics" })).status).toBe(403);
    expect((await ask(socket, { method: "DELETE", target: "/v1/messages" })).status).toBe(403);
    const rows = await house.closeAndRead(run);
    expect(rows.map((row) => [row.door, row.rule])).toEqual([
      ["connect", "connect.not-listed"],
      ["none", "gateway.health"],
      ["none", "http.target"],
      ["none", "default.refuse"],
      ["model", "default.refuse"],
    ]);
    expect(rows[0]?.target).toBe("example.com:443");
  });

  it("[61] serves a neighbour while one run's clients never finish", async () => {
    const held = Array.from({ length: 100 }, () => connect(socket));
    for (const client of held) client.on("error", () => {}).write("POST /v1/messages HTTP/1.1\r\nHost: a\r\n");
    const neighbour = mintTestRun();
    const other = await house.openDoor(neighbour);
    expect((await ask(other, { method: "GET", target: "/healthz" })).status).toBe(200);
    for (const client of held) client.destroy();
    await expect.poll(async () => (await ask(socket, { method: "GET", target: "/healthz" })).status).toBe(200);
  });

  it("[61] reads the whole refusal of a long body, and ends one that never ends", async () => {
    const long = await ask(socket, {
      method: "POST",
      target: "/v1/files",
      headers: { "content-type": "x" },
      body: Buffer.alloc(3_000_000, "x"),
    });
    expect(long.status).toBe(403);
    expect(long.body).toContain("default.refuse");
    const endless = connect(socket);
    endless.on("error", () => {});
    endless.write("POST /v1/files HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const closed = new Promise<void>((resolve) => endless.on("close", () => resolve()));
    const feed = () => void (endless.writable && endless.write(`4000\r\n${"x".repeat(0x4000)}\r\n`, () => setImmediate(feed)));
    feed();
    endless.resume();
    await closed;
  }, 30_000);

  it("[7][65] is reached by the gateway and the run's group only, and is gone after its run", async () => {
    const seen = await stat(socket);
    expect(seen.mode & 0o777).toBe(0o660);
    if (house.accounts) {
      const gid = 64_321;
      const own = mintTestRun();
      const path = await house.openDoor(own, gid);
      expect((await stat(path)).gid).toBe(gid);
      const dial = (id: number) =>
        execa(
          "setpriv",
          [
            `--reuid=${id}`,
            `--regid=${id}`,
            "--clear-groups",
            "--",
            process.execPath,
            "-e",
            "require('net').connect(process.argv[1]).on('error',()=>process.exit(3)).on('connect',()=>process.exit(0))",
            path,
          ],
          { reject: false },
        );
      expect((await dial(gid)).exitCode).toBe(0);
      expect((await dial(gid + 1)).exitCode).toBe(3);
    }
    await house.gateway.closeDoor(run);
    await expect(stat(socket)).rejects.toMatchObject({ code: "ENOENT" });
    expect((await ask(socket, { method: "GET", target: "/healthz" }).catch((error) => error)).code).toBe("ENOENT");
  });

  it("goes on after the gateway was killed: same folder, same numbers, and a reader misses nothing", async () => {
    await ask(socket, { method: "GET", target: "/healthz" });
    const rows: number[] = [];
    const reading = (async () => {
      for await (const row of house.gateway.record(run, 0, AbortSignal.timeout(30_000))) rows.push(row.seq);
    })();
    await expect.poll(() => rows).toEqual([1]);
    process.kill(house.daemons.gateway.pid, "SIGKILL");
    await house.restartGateway();
    const again = await house.openDoor(run);
    expect(again).toBe(socket);
    await ask(socket, { method: "GET", target: "/healthz" });
    // The reader tries again after up to two seconds.
    await expect.poll(() => rows, { timeout: 20_000 }).toEqual([1, 2]);
    const { lastSeq } = await house.gateway.closeDoor(run);
    await reading;
    expect(lastSeq).toBe(2);
    expect(await house.gateway.acknowledge(run, 1)).toBe(false);
    expect(await house.gateway.acknowledge(run, 2)).toBe(true);
    expect((await house.gateway.listDoors()).find((door) => door.run === run)).toBeUndefined();
  }, 60_000);

  it("[65] takes no folder that others can write to, and replaces whatever lies at the socket's place", async () => {
    const other = mintTestRun();
    const open = join(house.folder, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    await expect(house.gateway.openDoor({ run: other, folder: open })).rejects.toMatchObject({ code: "gateway.failed" });
    const path = await house.openDoor(other);
    await house.gateway.closeDoor(other);
    await writeFile(path, "planted");
    expect(await house.openDoor(other)).toBe(path);
    expect((await ask(join(path), { method: "GET", target: "/healthz" })).status).toBe(200);
  });
});
