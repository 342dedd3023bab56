/** Every rule by which the gateway refuses, provoked over a real door: nothing that a run was refused is silent. */

import { once } from "node:events";
import { globSync, readFileSync } from "node:fs";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TunnelLimits } from "../../src/gateway/connect/limits.ts";
import type { ModelPolicy } from "../../src/gateway/model/policy.ts";
import { nothingKnown } from "../../src/gateway/registry/known.ts";
import { longestRecord } from "../../src/gateway/spool.ts";
import { flushPacket, printPacket } from "../../src/git/pkt-line.ts";
import { serveCaps } from "../../src/reconcile/serve-caps.ts";
import type { EvidenceRow } from "../../src/run/evidence.ts";
import type { RunId, Sha } from "../../src/run/identity.ts";
import { helloFor, printHello, printRecords } from "../helpers/client-hello.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { addCommit, closeServer } from "../helpers/git-upstream.ts";
import { ask, sendRaw } from "../helpers/raw-http.ts";
import { openRegistryStandIn, type RegistryStandIn } from "../helpers/registries.ts";
import { openTestStore } from "../helpers/store.ts";
import {
  listedHost,
  openTunnelDoor,
  openTunnelWorld,
  otherHost,
  type TunnelTry,
  type TunnelWorld,
  tryTunnel,
} from "../helpers/tunnel-world.ts";

/** What a rule's name may be: a door and a word. */
const ruleName = /"((?:git|model|api|registry|http|door|connect|default)\.[a-z][a-z0-9-]*)"/g;

/** Names of that form that refuse nothing, and why not. */
const notRefusals: Readonly<Record<string, string>> = {
  ...{ "git.run-repository": "allows", "model.messages": "allows", "model.count-tokens": "allows", "api.repository": "allows" },
  ...{ "registry.known": "allows", "registry.new-name": "allows, counted", "model.beta-dropped": "allows, without the feature" },
  ...{ "model.budget-low": "allows, with a warning", "model.charged-at-most": "allows, charged at the most" },
  ...{
    "git.away": "a fault",
    "git.failed": "a fault",
    "model.away": "a fault",
    "api.away": "a fault",
    "registry.away": "a fault",
    "door.fault": "a fault: test/unit/gateway/door-fault.test.ts",
  },
  ...{ "connect.listed": "allows", "connect.ended": "allowed, at its end", "connect.unused": "allowed, and left" },
  ...{ "connect.idle": "allowed, ended after idle time", "connect.expired": "allowed, ended in its time" },
  ...{ "connect.away": "a fault" },
  ...{ "registry.refused": "the registry's fault", "registry.malformed": "the registry's fault" },
};

const source = join(import.meta.dirname, "../../src/gateway");
const inCode = new Set(
  globSync("**/*.ts", { cwd: source }).flatMap((file) => {
    const text = readFileSync(join(source, file), "utf8");
    const composed = /for \(const name of \[([^\]]+)\]\)[^\n]*\n[^\n]*`http\.\$\{name\}`/.exec(text)?.[1] ?? "";
    return [
      ...[...text.matchAll(ruleName)].map((match) => match[1] ?? ""),
      ...[...composed.matchAll(/"([^"]+)"/g)].map((match) => `http.${match[1]}`),
    ];
  }),
);

const messages = "/v1/messages";
const json = { "content-type": "application/json" };
const call = { model: "m", max_tokens: 1, messages: [{ role: "user", content: "hi" }] };
const says = (block: unknown) => ({ ...call, messages: [{ role: "user", content: [block] }] });
const receive = "/git/repository.git/git-receive-pack";
const upload = "/git/repository.git/git-upload-pack";
const packType = (service: "receive" | "upload") => ({ "content-type": `application/x-git-${service}-pack-request` });
const nowhere = "0".repeat(40);

interface Door {
  run: RunId;
  socket: string;
  post(body: unknown, headers?: Record<string, string>): Promise<string>;
  get(target: string): Promise<string>;
}

describe("a refusal of the gateway", { timeout: 120_000 }, () => {
  let folder: string;
  let house: House;
  let registry: RegistryStandIn;
  let tip: Sha;
  let world: TunnelWorld;
  let late: Promise<{ run: RunId; text: string }>;
  let lateBody: Promise<{ run: RunId; text: string }>;
  const github = createServer((request, response) => answerAsGitHub(request, response));
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "alr-"));
    registry = await openRegistryStandIn(folder);
    world = await openTunnelWorld();
    world.answers.set(listedHost, ["1.1.1.1"]).set(otherHost, ["10.0.0.1"]);
    github.listen(0, "127.0.0.1");
    await once(github, "listening");
    const { crates: _, ...upstreams } = registry.upstreams;
    const apiUrl = `http://127.0.0.1:${(github.address() as AddressInfo).port}`;
    house = await openHouse({ registries: { upstreams, newPackages: 1 }, apiUrl, capsPatienceMs: 50 });
    tip = (await addCommit(house.upstream.git, { branch: "main", path: "a.txt", text: "one" })) as Sha;
    // It takes the gateway up to a minute to lose patience: meanwhile the others are tried.
    const unfinished = async (head: string) => {
      const { run, socket } = await openDoor();
      return { run, text: await sendRaw(socket, head) };
    };
    late = unfinished("GET /healthz HTTP/1.1\r\nHost: a\r\n");
    lateBody = unfinished(
      `POST ${messages} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"model"`,
    );
  }, 60_000);
  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
    await closeServer(github);
    await rm(folder, { recursive: true, force: true });
  });

  async function openDoor(model?: ModelPolicy): Promise<Door> {
    const run = mintTestRun();
    let socket = await house.openDoor(run);
    if (model) socket = (await house.gateway.openDoor({ run, folder: join(socket, ".."), model })).socketPath;
    await house.gateway.tellPackages(run, nothingKnown);
    return {
      ...{ run, socket },
      get: async (target) => (await ask(socket, { method: "GET", target })).raw,
      async post(body, headers = {}) {
        const sent = Buffer.isBuffer(body) || typeof body === "string" ? body : JSON.stringify(body);
        return (await ask(socket, { method: "POST", target: messages, headers: { ...json, ...headers }, body: sent })).raw;
      },
    };
  }
  const readDoor = async () => {
    const door = await openDoor();
    await house.gateway.tellReader(door.run, { owner: "acme", name: "shop", token: "ghs_reader-canary-0123456789" });
    return door;
  };
  const gitDoor = async () => {
    const door = await openDoor();
    await using transport = await house.openTransport({ of: "bases", allow: { kind: "fetch" } });
    const base = await house.git.fetchBase({ repositoryId: 7, branch: "main", transportSocket: transport.socketPath });
    if (base.at !== "fetched") throw new Error(base.at);
    await house.git.ensureRunRepository({ run: door.run, bases: [base.base], branches: [{ name: "main", sha: tip }] });
    const push = (commands: string[], pack: Buffer | string = "", capabilities = "report-status") => {
      const packets = commands.map((line, nth) => printPacket(nth === 0 ? `${line}\0${capabilities}` : line));
      const body = Buffer.concat([...packets, flushPacket, Buffer.from(pack)]);
      return ask(door.socket, { method: "POST", target: receive, headers: packType("receive"), body });
    };
    return { ...door, push };
  };
  const gitPost = async (door: Door, headers: Record<string, string>, body: Buffer | string, target = upload) =>
    (await ask(door.socket, { method: "POST", target, headers, body })).raw;

  /** What is sent, and what was heard of it. A door of its own for each, so that its record is of this alone. */
  type Provoked = { run: RunId; text: string; rows?: EvidenceRow[] };
  const raw = (head: string) => async (): Promise<Provoked> => {
    const door = await openDoor();
    return { run: door.run, text: await sendRaw(door.socket, head) };
  };
  const posted =
    (body: unknown, headers: Record<string, string> = {}) =>
    async (): Promise<Provoked> => {
      const door = await openDoor();
      return { run: door.run, text: await door.post(body, headers) };
    };
  const asked = (open: () => Promise<Door>, target: string) => async (): Promise<Provoked> => {
    const door = await open();
    return { run: door.run, text: await door.get(target) };
  };
  const answered = (answer: (response: ServerResponse) => void) => async (): Promise<Provoked> => {
    house.model.answer = (_request, response) => answer(response);
    return posted(call)();
  };
  /** At a door with tunnels, whose far end is a stand-in's. */
  const tunnelled = (target: string, say: TunnelTry["say"] = Buffer.alloc(0), limits: Partial<TunnelLimits> = {}) => {
    return async (): Promise<Provoked> => {
      await using door = await openTunnelDoor(world, { hosts: [listedHost, otherHost], limits });
      const { head } = await tryTunnel(door.socket, { target, say });
      return { run: door.run, text: head, rows: await door.closeAndRead() };
    };
  };
  const there = `${listedHost}:443`;
  const length = `Content-Length: 2\r\n`;

  const provoke: Readonly<Record<string, () => Promise<Provoked>>> = {
    "http.version": raw("GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n"),
    "http.host": raw("GET /healthz HTTP/1.1\r\n\r\n"),
    "http.target": raw("GET http://evil/healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    "http.header-name": raw("GET /healthz HTTP/1.1\r\nHost: a\r\nx_y: 1\r\n\r\n"),
    "http.header-twice": raw("GET /healthz HTTP/1.1\r\nHost: a\r\nx: 1\r\nx: 2\r\n\r\n"),
    "http.framing": raw(`POST ${messages} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`),
    "http.body": raw(`GET /healthz HTTP/1.1\r\nHost: a\r\n${length}\r\nhi`),
    "http.connection": raw("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: x-api-key\r\n\r\n"),
    "http.upgrade": raw("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
    "http.expect": raw(`POST ${messages} HTTP/1.1\r\nHost: a\r\n${length}Expect: 100-continue\r\n\r\nhi`),
    "http.te": raw("GET /healthz HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"),
    "http.http2-settings": raw("GET /healthz HTTP/1.1\r\nHost: a\r\nHTTP2-Settings: x\r\n\r\n"),
    "http.trailer": raw(`POST ${messages} HTTP/1.1\r\nHost: a\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
    "http.chunk-extension": raw(
      `POST ${messages} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\n\r\n`,
    ),
    "http.malformed": raw("\u0016\u0003\u0001\u0002\r\n\r\n"),
    "http.timeout": () => late,
    "default.refuse": raw("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    "connect.off": raw("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"),
    "connect.authority": tunnelled(listedHost),
    "connect.address": tunnelled("169.254.169.254:443"),
    "connect.not-listed": tunnelled("stranger.example.org:443"),
    "connect.spelling": tunnelled(`${listedHost}.:443`),
    "connect.port": tunnelled(`${listedHost}:22`),
    "connect.private-address": tunnelled(`${otherHost}:443`),
    "connect.too-many": tunnelled(there, undefined, { tunnels: 0 }),
    "connect.too-much": tunnelled(there, undefined, { sentBytes: 0 }),
    "connect.not-tls": tunnelled(there, Buffer.from("GET / HTTP/1.1\r\n\r\n")),
    "connect.hello": tunnelled(there, printRecords(Buffer.of(2, 0, 0, 0))),
    "connect.other-name": tunnelled(there, helloFor(otherHost)),
    "connect.hidden-name": tunnelled(there, printRecords(printHello({ extensions: [[0xfe0d, Buffer.alloc(8)]] }))),
    "connect.timeout": tunnelled(there, Buffer.of(22), { helloMs: 50 }),
    "connect.answer": async () => {
      world.insteadOfTls = Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n");
      try {
        return await tunnelled(there, helloFor(listedHost))();
      } finally {
        world.insteadOfTls = undefined;
      }
    },
    "connect.not-first": async () => {
      await using door = await openTunnelDoor(world);
      const ahead = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
      const text = await sendRaw(door.socket, `${ahead}CONNECT ${there} HTTP/1.1\r\nHost: ${there}\r\n\r\n`);
      return { run: door.run, text, rows: await door.closeAndRead() };
    },

    "model.encoding": posted(gzipSync(JSON.stringify(call)), { "content-encoding": "gzip" }),
    "model.content-type": posted(call, { "content-type": "text/plain" }),
    "model.api-version": posted(call, { "anthropic-version": "2099-01-01" }),
    "model.beta": posted(call, { "anthropic-beta": "Not A Beta!" }),
    "model.remote-beta": posted(call, { "anthropic-beta": "files-api-2025-04-14" }),
    "model.too-long": posted(Buffer.alloc(33 * 1024 * 1024, " ")),
    "model.json": posted('{"model":"a","model":"b"}'),
    "model.shape": posted({ ...call, messages: "all" }),
    "model.value": posted({ ...call, messages: [{ role: "operator", content: "hi" }] }),
    "model.unknown-field": posted({ ...call, field_of_tomorrow: 1 }),
    "model.unknown-block": posted(says({ type: "block_of_tomorrow" })),
    "model.unknown-source": posted(says({ type: "image", source: { type: "source_of_tomorrow" } })),
    "model.remote-source": posted(says({ type: "image", source: { type: "url", url: "https://canary.invalid/" } })),
    "model.remote-block": posted(says({ type: "container_upload", file_id: "f" })),
    "model.remote-field": posted({ ...call, mcp_servers: [] }),
    "model.server-tool": posted({ ...call, tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] }),
    "model.key-refused": answered((response) => void response.writeHead(401).end("{}")),
    "model.redirect-refused": answered((response) => void response.writeHead(307, { location: "/elsewhere" }).end()),
    "model.not-allowed": async () => {
      const door = await openDoor({ allowedModels: ["another"] });
      return { run: door.run, text: await door.post(call) };
    },
    "model.over-budget": async () => {
      const door = await openDoor({ budget: { tokens: 1 } });
      return { run: door.run, text: await door.post(call) };
    },
    "model.over-cap": async () => {
      await using store = await openTestStore();
      await using _ = await serveCaps({
        ...{ db: store.db, caps: [{ scope: "deployment", per: "month", microUsd: 1 }], socketPath: house.capsSocket },
        ...{
          owner: house.accounts?.["airlock-gateway"],
          wake: () => {},
          log: pino({ level: "silent" }),
          nowMs: () => Date.now(),
        },
      });
      const door = await openDoor({ capped: true });
      return { run: door.run, text: await door.post(call) };
    },
    "model.unreserved": async () => {
      const door = await openDoor({ capped: true });
      return { run: door.run, text: await door.post(call) };
    },
    "model.too-many": async () => {
      house.model.answer = (_request, response) => void response.end("{}");
      const door = await openDoor({ pace: { atOnce: 1, perMinute: 1 } });
      await door.post(call);
      return { run: door.run, text: await door.post(call) };
    },
    "model.limited": async () => {
      // A gateway of its own: what one run meets holds for all of the key.
      await using other = await openHouse();
      other.model.answer = (_request, response) => void response.writeHead(429, { "retry-after": "3600" }).end("{}");
      const run = mintTestRun();
      const socket = await other.openDoor(run);
      const again = () => ask(socket, { method: "POST", target: messages, headers: json, body: JSON.stringify(call) });
      await again();
      const { raw: text } = await again();
      return { run, text, rows: await other.closeAndRead(run) };
    },
    "model.cut-off": () => lateBody,

    "api.no-token": asked(openDoor, "/repos/acme/shop/issues/1"),
    "api.other": asked(readDoor, "/repos/acme/other/issues/1"),
    "api.path": asked(readDoor, "/repos/acme/shop/actions/secrets"),
    "api.redirect": asked(readDoor, "/repos/acme/shop/actions/jobs/1/logs"),
    "api.too-large": asked(readDoor, "/repos/acme/shop/issues/1"),
    "api.query": async () => {
      const { run, socket } = await readDoor();
      const body = JSON.stringify({ query: "mutation { x }" });
      return { run, text: (await ask(socket, { method: "POST", target: "/graphql", headers: json, body })).raw };
    },

    "registry.off": asked(openDoor, "/registry/crates/config.json"),
    "registry.path": asked(openDoor, "/registry/npm/%6Ceft"),
    "registry.query": asked(openDoor, "/registry/npm/left?data"),
    "registry.go-not-cached": asked(openDoor, "/registry/go/example.test/x/@v/list"),
    "registry.too-large": async () => {
      registry.files.set("/npm/vast", Buffer.alloc(65 * 1024 * 1024, " "));
      return asked(openDoor, "/registry/npm/vast")().finally(() => registry.files.delete("/npm/vast"));
    },
    "registry.new-name-limit": async () => {
      const door = await openDoor();
      await door.get("/registry/npm/first");
      return { run: door.run, text: await door.get("/registry/npm/second") };
    },
    "registry.digest": async () => {
      await registry.addNpm("poison", "1.0.0");
      registry.files.set("/npm/poison/-/poison-1.0.0.tgz", Buffer.from("evil"));
      return asked(openDoor, "/registry/npm/poison/-/poison-1.0.0.tgz")();
    },

    "git.content-type": async () => {
      const door = await gitDoor();
      return { run: door.run, text: await gitPost(door, { "content-type": "text/plain" }, "0000") };
    },
    "git.encoding": async () => {
      const door = await gitDoor();
      return { run: door.run, text: await gitPost(door, { ...packType("upload"), "content-encoding": "br" }, "0000") };
    },
    "git.too-large": async () => {
      const door = await gitDoor();
      const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, "0"));
      return { run: door.run, text: await gitPost(door, { ...packType("upload"), "content-encoding": "gzip" }, bomb) };
    },
    "git.no-repository": asked(openDoor, "/git/repository.git/info/refs?service=git-upload-pack"),
    "git.not-served": async () => {
      const door = await gitDoor();
      const want = Buffer.concat([printPacket(`want ${"1".repeat(40)} ofs-delta\n`), flushPacket, printPacket("done\n")]);
      return { run: door.run, text: await gitPost(door, packType("upload"), want) };
    },
    "git.ref-hidden": async () => {
      const { run, push } = await gitDoor();
      return { run, text: (await push([`${nowhere} ${tip} refs/pull/1/head`], emptyPack, "report-status side-band-64k")).raw };
    },
    "git.ref-refused": async () => {
      const { run, push } = await gitDoor();
      return {
        run,
        text: (await push([`${"1".repeat(40)} ${tip} refs/heads/main`], emptyPack, "report-status side-band-64k")).raw,
      };
    },
    "git.pack-refused": async () => {
      const { run, push } = await gitDoor();
      const garbage = Buffer.from("PACK but not one");
      return { run, text: (await push([`${nowhere} ${tip} refs/heads/new`], garbage, "report-status side-band-64k")).raw };
    },
    "git.report-too-long": async () => {
      const { run, push } = await gitDoor();
      const refs = Array.from({ length: 800 }, (_, nth) => `${nowhere} ${tip} refs/hidden/${nth}-${"x".repeat(200)}`);
      return { run, text: (await push(refs, emptyPack)).raw };
    },

    "door.connections": async () => {
      const { run, socket } = await openDoor();
      const clients = Array.from({ length: 80 }, () => connect(socket));
      for (const client of clients) client.on("error", () => {});
      const gone = clients.filter((client) => client.closed).length;
      await expect.poll(() => clients.filter((client) => client.closed || client.readableEnded).length).toBeGreaterThan(gone);
      for (const client of clients) client.destroy();
      return { run, text: "" };
    },
    "door.requests": async () => {
      const { run, socket } = await openDoor();
      const request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
      return { run, text: await sendRaw(socket, request.repeat(1_001), /HTTP\/1\.1 503/) };
    },
    "door.record-full": async () => {
      const run = mintTestRun();
      const file = join(house.folder, "spool", `${run}.ndjson`);
      // As though it had asked so often before.
      await writeFile(file, `${JSON.stringify({ run, seq: longestRecord - 1, digest: "0".repeat(64) })}\n`);
      const gateway = house.accounts?.["airlock-gateway"];
      if (gateway) await chown(file, gateway.uid, gateway.gid);
      const socket = await house.openDoor(run);
      const text = (await ask(socket, { method: "GET", target: "/healthz" })).raw;
      // The socket goes a moment after the answer: a connection until then is reset.
      await vi.waitFor(() =>
        expect(ask(socket, { method: "GET", target: "/healthz" })).rejects.toMatchObject({ code: "ENOENT" }),
      );
      return { run, text };
    },
  };

  /** Where no words can be given: nobody is there to hear them, or Node itself has answered. */
  const wordless = new Set([
    ...["connect.not-tls", "connect.hello", "connect.other-name", "connect.hidden-name", "connect.timeout", "connect.not-first"],
    "connect.answer",
    ...["model.cut-off", "door.connections", "door.requests", "door.record-full", "git.report-too-long"],
  ]);

  it("has a case here for each rule that is in the code, and the code has a rule for each case", () => {
    const refusing = [...inCode].filter((rule) => !Object.hasOwn(notRefusals, rule));
    expect(Object.keys(provoke).sort()).toEqual(refusing.sort());
    expect(Object.keys(notRefusals).filter((rule) => !inCode.has(rule))).toEqual([]);
  });

  it.each(Object.keys(provoke))(
    "by %s stands in the run's evidence, and its words name the rule and who can allow it",
    async (rule) => {
      const { run, text, rows = await house.closeAndRead(run) } = await (provoke[rule] as () => Promise<Provoked>)();
      expect(rows.map((row) => [row.verdict, row.rule])).toContainEqual(["refused", rule]);
      if (wordless.has(rule)) return;
      // Something after the rule's name: who can do what.
      expect(text).toMatch(new RegExp(`Airlock refused this: [^\\0]+ Rule ${rule.replace(".", "\\.")}\\. [A-Z][^.]{10,}`));
    },
  );

  it("is no word of what was allowed: the same doors serve what is asked rightly", async () => {
    house.model.answer = (_request, response) => void response.end("{}");
    const door = await gitDoor();
    expect(await door.get("/healthz")).toContain("200 OK");
    expect(await door.post(call)).toContain("200 OK");
    expect(await door.get("/git/repository.git/info/refs?service=git-upload-pack")).toContain("200 OK");
    expect((await door.push([`${nowhere} ${tip} refs/heads/new`], emptyPack, "report-status side-band-64k")).raw).toContain(
      "unpack ok",
    );
    const want = Buffer.concat([printPacket(`want ${tip} ofs-delta\n`), flushPacket, printPacket("done\n")]);
    expect(await gitPost(door, packType("upload"), want)).toContain("PACK");
    expect((await house.closeAndRead(door.run)).map((row) => row.verdict)).toEqual(Array(5).fill("allowed"));
  });
});

/** A pack of no object, with its own digest. */
const emptyPack = Buffer.from("5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e", "hex");

function answerAsGitHub(request: IncomingMessage, response: ServerResponse): void {
  if (request.url?.endsWith("/logs")) response.writeHead(302, { location: "https://stranger.invalid/log" }).end();
  else response.writeHead(200, json).end(Buffer.alloc(33 * 1024 * 1024, " "));
}
