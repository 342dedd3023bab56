import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { Hono } from "hono";
import { pino } from "pino";
import { Probot } from "probot";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Serving, serve } from "../../../src/delivery/serve.ts";
import { acceptEither } from "../../../src/delivery/signature.ts";
import type { Delivery } from "../../../src/store/queries/deliveries.ts";

const secret = "hush";
const oldSecret = "hush, then";
let formerUses = 0;
const path = "/api/github/webhooks";
const kept: Delivery[] = [];
let store: (delivery: Delivery) => Promise<"new" | "known">;
let app: Serving;

beforeAll(async () => {
  const [probot, former] = [secret, oldSecret].map(
    (each) => new Probot({ appId: 1, privateKey: "unused", secret: each, log: pino({ level: "silent" }) as never }),
  ) as [Probot, Probot];
  await Promise.all([probot.ready(), former.ready()]);
  const pages = new Hono().get("/healthz", (c) => c.text("well"));
  const receiver = {
    verify: acceptEither({
      current: (body, signature) => probot.webhooks.verify(body, signature),
      former: (body, signature) => former.webhooks.verify(body, signature),
      tellFormer: () => {
        formerUses += 1;
      },
    }),
    store: (delivery: Delivery) => store(delivery),
    nowMs: () => 42,
    log: pino({ level: "silent" }),
  };
  app = await serve({ ...{ host: "127.0.0.1", port: 0, webhookPath: path, receiver, pages }, onFault: () => {} });
});
afterAll(() => app[Symbol.asyncDispose]());
beforeEach(() => {
  kept.length = 0;
  store = async (delivery) => {
    kept.push(delivery);
    return "new";
  };
});

it("takes short deliveries while long ones that nobody has signed fill the memory that there is for them", async () => {
  const long = Array.from({ length: 8 }, () => {
    const sent = request({ port: app.port, method: "POST", path, headers: { "x-hub-signature-256": "sha256=00" } });
    sent.on("error", () => {});
    const answered = new Promise<number>((resolve) => sent.on("response", (response) => resolve(response.statusCode ?? 0)));
    for (let part = 0; part < 20; part++) sent.write(Buffer.alloc(1024 * 1024, " "));
    return { sent, answered };
  });
  expect(await Promise.race(long.map(({ answered }) => answered))).toBe(503);
  expect(await send()).toBe(202);
  for (const { sent } of long) sent.destroy();
});

interface Sent {
  body?: string | Buffer;
  /** Sent in place of `body`, without a content-length. */
  chunks?: Iterable<Buffer>;
  headers?: Record<string, string | undefined>;
  method?: string;
}

async function send({ body = '{"action":"labeled"}', chunks, headers = {}, method = "POST" }: Sent = {}): Promise<number> {
  const all: Record<string, string | undefined> = {
    "x-github-delivery": "9f1c-1",
    "x-github-event": "issues",
    "x-hub-signature-256": sign(body),
    ...(!chunks && { "content-length": String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<string, string>;
  const sent = request({ host: "127.0.0.1", port: app.port, path, method, headers: given });
  // What the far end does not want to hear any more may break off; the answer is what counts.
  sent.on("error", () => {});
  const answered = once(sent, "response");
  if (chunks) {
    for (const chunk of chunks) {
      if (sent.destroyed || sent.writableFinished) break;
      if (!sent.write(chunk)) await Promise.race([once(sent, "drain"), once(sent, "close")]);
    }
    sent.end();
  } else sent.end(body);
  const [response] = await answered;
  response.resume();
  return response.statusCode;
}

function sign(body: string | Buffer, key = secret): string {
  return `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;
}

describe("a delivery while the webhook secret is being changed", () => {
  it("[40] is taken where either secret signed it, told where it was the old one, and refused where it was neither", async () => {
    const body = '{"action":"labeled"}';
    const signed = (key: string) => send({ body, headers: { "x-hub-signature-256": sign(body, key) } });
    formerUses = 0;
    expect([await signed(secret), formerUses]).toEqual([202, 0]);
    expect([await signed(oldSecret), formerUses]).toEqual([202, 1]);
    for (const key of ["another", `${secret} `, oldSecret.toUpperCase()]) expect(await signed(key)).toBe(401);
    // Of other bytes.
    expect(await send({ body, headers: { "x-hub-signature-256": sign(`${body} `, oldSecret) } })).toBe(401);
    expect([kept.length, formerUses]).toEqual([2, 1]);
  });

  it("is refused with the old one when that is taken away", async () => {
    const verify = acceptEither({ current: async () => false, former: undefined, tellFormer: () => expect.fail("told") });
    expect(await verify("{}", sign("{}", oldSecret))).toBe(false);
  });
});

describe("a signed delivery", () => {
  it("is stored as it came, then acknowledged", async () => {
    expect(await send({ body: '{"action":"labeled","title":"ünï"}' })).toBe(202);
    expect(kept).toEqual([{ id: "9f1c-1", event: "issues", payload: { action: "labeled", title: "ünï" }, receivedAtMs: 42 }]);
  });

  it("[43] is not acknowledged before it is stored", async () => {
    const { promise, resolve } = Promise.withResolvers<"new">();
    const reached = Promise.withResolvers<void>();
    let answered = false;
    store = () => {
      reached.resolve();
      return promise;
    };
    const sending = send().finally(() => {
      answered = true;
    });
    await reached.promise;
    // A whole other request passes by meanwhile.
    await fetch(`http://127.0.0.1:${app.port}/healthz`);
    expect(answered).toBe(false);
    resolve("new");
    expect(await sending).toBe(202);
  });

  it("[43] that the store fails to take is not acknowledged", async () => {
    store = async () => {
      throw new Error("no disk");
    };
    expect(await send()).toBe(503);
  });

  it("[43] that the store takes too long for is not acknowledged, before GitHub gives up", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const reached = Promise.withResolvers<void>();
      store = () => {
        reached.resolve();
        return new Promise(() => {});
      };
      const sending = send();
      await reached.promise;
      vi.advanceTimersByTime(8_000);
      expect(await sending).toBe(503);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a delivery that is refused", () => {
  const body = '{"action":"labeled"}';
  const sha1 = `sha1=${createHmac("sha1", secret).update(body).digest("hex")}`;

  it.each<[string, Sent]>([
    ["unsigned", { headers: { "x-hub-signature-256": undefined } }],
    ["signed with SHA-1", { headers: { "x-hub-signature-256": sha1 } }],
    ["signed with SHA-1 in its own header", { headers: { "x-hub-signature-256": undefined, "x-hub-signature": sha1 } }],
    ["signed with another key", { headers: { "x-hub-signature-256": sign(body, "other") } }],
    ["signed with an empty key", { headers: { "x-hub-signature-256": sign(body, "") } }],
    ["signed for another body", { headers: { "x-hub-signature-256": sign(`${body} `) } }],
    [
      "signed with a mere hash",
      { headers: { "x-hub-signature-256": `sha256=${createHash("sha256").update(body).digest("hex")}` } },
    ],
    ["signed with half a signature", { headers: { "x-hub-signature-256": sign(body).slice(0, 40) } }],
    ["signed with no digits", { headers: { "x-hub-signature-256": "sha256=" } }],
    [
      "of other bytes that read alike",
      { body: Buffer.from('{"a":"\xff"}', "latin1"), headers: { "x-hub-signature-256": sign('{"a":"\ufffd"}') } },
    ],
  ])("is refused with 401 where it is %s", async (_, sent) => {
    expect(await send(sent)).toBe(401);
    expect(kept).toEqual([]);
  });

  it("[40] is refused with 413 where it says that it is too large, before its body is read", async () => {
    expect(await send({ body: "", headers: { "content-length": String(25 * 1024 * 1024 + 1) } })).toBe(413);
  });

  it("is refused with 413 where it becomes too large", async () => {
    const mebibyte = Buffer.alloc(1024 * 1024, 32);
    const answers = await Promise.all([1, 2].map(() => send({ chunks: Array.from({ length: 40 }, () => mebibyte) })));
    expect(answers).toEqual([413, 413]);
    expect(kept).toEqual([]);
  });

  it.each<[string, Sent]>([
    ["no JSON", { body: "payload=%7B%7D" }],
    ["a list", { body: "[]" }],
    ["null", { body: "null" }],
    ["text", { body: '"x"' }],
    ["without an id", { headers: { "x-github-delivery": undefined } }],
    ["with an id that is none", { headers: { "x-github-delivery": "../../x" } }],
    ["without an event", { headers: { "x-github-event": undefined } }],
    ["with an event that is none", { headers: { "x-github-event": "issues;x" } }],
  ])("is refused with 400 where it is %s", async (_, sent) => {
    expect(await send(sent)).toBe(400);
    expect(kept).toEqual([]);
  });

  it("is refused where it is not posted", async () => {
    expect(await send({ method: "PUT" })).toBe(405);
  });
});

describe("the server", () => {
  it("goes on after a client that leaves in the middle of its body", async () => {
    const sent = request({
      host: "127.0.0.1",
      port: app.port,
      path,
      method: "POST",
      headers: { "x-hub-signature-256": sign("x"), "content-length": "100" },
    });
    sent.on("error", () => {});
    sent.write("half");
    await vi.waitFor(() => expect(sent.socket?.bytesWritten ?? 0).toBeGreaterThan(100));
    sent.destroy();
    expect(await send()).toBe(202);
  });

  it("takes the webhook with a query, and gives all else to the pages", async () => {
    const page = await fetch(`http://127.0.0.1:${app.port}/healthz`);
    expect([page.status, await page.text()]).toEqual([200, "well"]);
    expect((await fetch(`http://127.0.0.1:${app.port}${path}?x=1`, { method: "POST" })).status).toBe(401);
    expect((await fetch(`http://127.0.0.1:${app.port}${path}/x`, { method: "POST" })).status).toBe(404);
  });

  it("[40] takes no delivery at all where deliveries are read from GitHub's log alone", async () => {
    const parts = { receiver: undefined, pages: new Hono(), onFault: () => {} };
    await using closed = await serve({ host: "127.0.0.1", port: 0, webhookPath: path, ...parts });
    const answered = await fetch(`http://127.0.0.1:${closed.port}${path}`, { method: "POST", body: "{}" });
    expect([answered.status, await answered.text()]).toEqual([404, expect.stringContaining("WEBHOOK_POLL=1")]);
  });

  it("says which setting to change where its port is taken", async () => {
    const receiver = { verify: async () => false, store, nowMs: () => 0, log: pino({ level: "silent" }) };
    const onFault = () => {};
    const second = serve({ host: "127.0.0.1", port: app.port, webhookPath: path, receiver, pages: new Hono(), onFault });
    await expect(second).rejects.toMatchObject({ code: "settings.PORT" });
  });
});
