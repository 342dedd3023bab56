import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RunId } from "../../src/run/identity.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { ask } from "../helpers/raw-http.ts";

const target = "/v1/messages?beta=true";
const headers = { "content-type": "application/json", "anthropic-version": "2023-06-01" };
const body = JSON.stringify({ model: "claude-x", max_tokens: 10, messages: [{ role: "user", content: "hi" }] });

describe("the model API through a run's door", () => {
  let house: House;
  let run: RunId;
  let socket: string;

  beforeAll(async () => {
    house = await openHouse();
  }, 60_000);
  afterAll(() => house[Symbol.asyncDispose]());
  beforeEach(async () => {
    run = mintTestRun();
    socket = await house.openDoor(run);
    house.model.asked.length = 0;
    house.model.answer = (_request, response) => void response.setHeader("content-type", "application/json").end('{"ok":true}');
  });

  const post = (extra: Record<string, string> = {}, sent: string | Buffer = body) =>
    ask(socket, { method: "POST", target, headers: { ...headers, ...extra }, body: sent });

  it("[10] puts the key in, keeps the upstream fixed, and lets none of the agent's own credentials or headers pass", async () => {
    const answer = await post({
      host: "evil.example",
      "x-api-key": "sk-ant-own",
      authorization: "Bearer own",
      cookie: "a=b",
      "x-forwarded-host": "evil.example",
      "anthropic-beta": "effort-2025-11-24, some-beta",
      "proxy-authorization": "Basic x",
    });
    expect(answer.status).toBe(200);
    const [asked] = house.model.asked;
    expect(asked?.target).toBe("/prefix/v1/messages?beta=true");
    expect(asked?.headers["x-api-key"]).toBe(house.modelKey);
    expect(asked?.headers["anthropic-beta"]).toBe("effort-2025-11-24");
    for (const name of ["authorization", "cookie", "x-forwarded-host", "proxy-authorization"])
      expect(asked?.headers[name]).toBeUndefined();
    expect(asked?.headers.host).not.toContain("evil");
    expect(JSON.parse(asked?.body ?? "")).toEqual(JSON.parse(body));
  });

  it("sends a new key after a restart with it, on the same socket and record, and the old one nowhere", async () => {
    expect((await post()).status).toBe(200);
    const pid = house.daemons.gateway.pid;
    const modelKey = "sk-ant-test-rolled";
    await house.restartGateway({ modelKey });
    // The one that knows the old key is gone, not adopted.
    expect([house.daemons.gateway.adopted, house.daemons.gateway.pid === pid]).toEqual([false, false]);
    await expect(post()).rejects.toThrow();
    expect(await house.openDoor(run)).toBe(socket);
    house.model.asked.length = 0;
    expect((await post()).status).toBe(200);
    expect(house.model.asked.map((asked) => asked.headers["x-api-key"])).toEqual([modelKey]);
    const rows = await house.closeAndRead(run);
    expect(rows.map(({ seq, rule }) => [seq, rule])).toEqual([
      [1, "model.messages"],
      [2, "model.messages"],
    ]);
    // The control: the same key is a reason to adopt it.
    await house.restartGateway({ modelKey });
    expect(house.daemons.gateway.adopted).toBe(true);
    await house.restartGateway();
  });

  it("streams each event as it comes, and counts the usage of a stream cut anywhere", async () => {
    const events = [
      'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-x-1","usage":{"input_tokens":11,"cache_read_input_tokens":5,"cache_creation_input_tokens":3,"output_tokens":1}}}\n\n',
      'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"grüße"}}\n\n',
      'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":42}}\n\n',
    ].join("");
    const { promise: firstSeen, resolve: sawFirst } = Promise.withResolvers<void>();
    house.model.answer = async (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      const bytes = Buffer.from(events);
      response.write(bytes.subarray(0, 300));
      // The rest is sent only after the client has had the beginning: a gateway that buffers would wait for ever.
      await firstSeen;
      for (let at = 300; at < bytes.length; at++) response.write(bytes.subarray(at, at + 1));
      response.end();
    };
    const received = await new Promise<string>((resolve, reject) => {
      const request = httpRequest({ socketPath: socket, method: "POST", path: target, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          sawFirst();
        });
        response.on("end", () => resolve(text));
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end(body);
    });
    expect(received).toBe(events);
    const [row] = await house.closeAndRead(run);
    expect(row).toMatchObject({
      door: "model",
      verdict: "allowed",
      rule: "model.messages",
      status: 200,
      bytesIn: body.length,
      bytesOut: Buffer.byteLength(events),
    });
    expect(row?.usage).toEqual({
      model: "claude-x-1",
      inputTokens: 11,
      outputTokens: 42,
      cacheReadTokens: 5,
      cacheWriteTokens: 3,
    });
  });

  it("counts the usage of an answer that is not streamed", async () => {
    const told = JSON.stringify({ model: "claude-x-1", usage: { input_tokens: 7, output_tokens: 8 } });
    house.model.answer = (_request, response) => void response.setHeader("content-type", "application/json").end(told);
    await post();
    const [row] = await house.closeAndRead(run);
    expect(row?.usage).toEqual({ model: "claude-x-1", inputTokens: 7, outputTokens: 8, cacheReadTokens: 0, cacheWriteTokens: 0 });
  });

  it("[12] tells a refused key as 403 with a clear sentence, and takes the key out of every echo, also across chunks", async () => {
    house.model.answer = (request, response) =>
      void response.writeHead(401).end(`invalid x-api-key ${request.headers["x-api-key"]}`);
    const refused = await post();
    expect(refused.status).toBe(403);
    expect(refused.body).toContain("does not accept the key");
    house.model.answer = (request, response) =>
      void response
        .writeHead(400, { "request-id": `r-${request.headers["x-api-key"]}` })
        .end(`bad ${request.headers["x-api-key"]}`);
    const echoed = await post();
    expect(echoed.status).toBe(400);
    expect(echoed.body).toContain("[removed by Airlock]");
    house.model.answer = (request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const character of `event: x\ndata: ${request.headers["x-api-key"]}\n\n`) response.write(character);
      response.end();
    };
    const streamed = await post();
    expect(streamed.body).toContain("[removed by Airlock]");
    // The control: what the upstream sent did contain it.
    expect(house.model.asked.at(-1)?.headers["x-api-key"]).toBe(house.modelKey);
    for (const answer of [refused, echoed, streamed])
      expect(answer.raw.replaceAll(/\r\n[0-9a-f]+\r\n/g, "")).not.toContain(house.modelKey);
    const rows = await house.closeAndRead(run);
    expect(rows.map((row) => row.rule)).toEqual(["model.key-refused", "model.messages", "model.messages"]);
  });

  it("[61] follows no redirect and takes the key nowhere else", async () => {
    house.model.answer = (_request, response) => void response.writeHead(307, { location: `${house.model.url}/elsewhere` }).end();
    const answer = await post();
    expect(answer.status).toBe(502);
    expect(house.model.asked.length).toBe(1);
  });

  it("breaks the upstream call off when the agent leaves", async () => {
    const before = house.model.broken;
    house.model.answer = (_request, response) =>
      void response.writeHead(200, { "content-type": "text/event-stream" }).write("event: ping\ndata: {}\n\n");
    await new Promise<void>((resolve) => {
      const request = httpRequest({ socketPath: socket, method: "POST", path: target, headers }, (response) => {
        response.once("data", () => {
          request.destroy();
          resolve();
        });
        response.on("error", () => {});
      });
      request.on("error", () => {});
      request.end(body);
    });
    await expect.poll(() => house.model.broken).toBe(before + 1);
    const rows = await house.closeAndRead(run);
    expect(rows.length).toBe(1);
  });

  it("[59] refuses what has two readings or makes the far end act, and sends on nothing of it", async () => {
    const asked = { model: "a", max_tokens: 1, messages: [] };
    const wrong: [rule: string, sent: string | Buffer][] = [
      ["model.json", '{"model":"a","model":"b"}'],
      ["model.json", '{"model":"a","mo\\u0064el":"b"}'],
      ["model.json", `\ufeff${body}`],
      ["model.json", `${body} {}`],
      ["model.json", Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])],
      ["model.server-tool", JSON.stringify({ ...asked, tools: [{ type: "web_search_20250305", name: "web_search" }] })],
      ["model.server-tool", JSON.stringify({ ...asked, tools: [{ type: "tool_of_tomorrow" }] })],
      ["model.remote-field", JSON.stringify({ ...asked, mcp_servers: [{ url: "https://evil" }] })],
      [
        "model.remote-source",
        JSON.stringify({
          ...asked,
          messages: [{ role: "user", content: [{ type: "image", source: { type: "url", url: "https://evil" } }] }],
        }),
      ],
      [
        "model.remote-source",
        JSON.stringify({
          ...asked,
          messages: [
            {
              role: "user",
              content: [
                {
                  type: "tool_result",
                  tool_use_id: "t",
                  content: [{ type: "document", source: { type: "file", file_id: "f" } }],
                },
              ],
            },
          ],
        }),
      ],
    ];
    for (const [rule, sent] of wrong) {
      const answer = await post({}, sent);
      expect([400, 403], rule).toContain(answer.status);
      expect(answer.body).toContain(`Rule ${rule}.`);
    }
    expect(house.model.asked.length).toBe(0);
    expect((await post()).status).toBe(200);
    const rows = await house.closeAndRead(run);
    expect(rows.map((row) => row.rule)).toEqual([...wrong.map(([rule]) => rule), "model.messages"]);
  });

  it("knows only the models that the door was opened for", async () => {
    await house.gateway.closeDoor(run);
    const folder = socket.slice(0, socket.lastIndexOf("/"));
    await house.gateway.openDoor({ run, folder, model: { allowedModels: ["claude-y"] } });
    expect((await post()).status).toBe(403);
    expect((await post({}, body.replace("claude-x", "claude-y"))).status).toBe(200);
  });
});
