/** What a turned agent may try with the model API, each against a proxy that only forwards (the control, which falls) and the gateway. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ModelPolicy } from "../../src/gateway/model/policy.ts";
import { decideRecordStart } from "../../src/gateway/record-start.ts";
import type { RunId } from "../../src/run/identity.ts";
import { verifyChain } from "../../src/secret/chain.ts";
import { controlFell } from "../helpers/control.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { closeServer } from "../helpers/git-upstream.ts";
import { ask } from "../helpers/raw-http.ts";

const target = "/v1/messages?beta=true";
const headers = { "content-type": "application/json" };
const body = { model: "claude-sonnet-5", max_tokens: 1_000, messages: [{ role: "user", content: "hi" }] };
const usage = { input_tokens: 400, output_tokens: 600 };

describe("the model API, attacked from the sandbox", () => {
  let house: House;
  let run: RunId;
  let door: string;
  let open: string;
  let control: ReturnType<typeof createServer>;
  const seen = () => house.model.asked.splice(0);

  beforeAll(async () => {
    house = await openHouse();
    control = createServer((request, response) => void forward(request, house).then((answer) => answer.write(response)));
    open = join(house.folder, "open.sock");
    control.listen(open);
    await once(control, "listening");
  }, 60_000);
  afterAll(async () => {
    await closeServer(control);
    await house[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    run = mintTestRun();
    door = await openWith({});
    house.model.answer = (_request, response) =>
      void response.setHeader("content-type", "application/json").end(JSON.stringify({ model: body.model, usage }));
    seen();
  });
  afterEach(() => house.gateway.closeDoor(run));

  async function openWith(model: ModelPolicy): Promise<string> {
    const socket = await house.openDoor(run);
    return (await house.gateway.openDoor({ run, folder: dirname(socket), model })).socketPath;
  }
  const post = (socket: string, sent: unknown, extra: Record<string, string> = {}, at = target) =>
    ask(socket, {
      method: "POST",
      target: at,
      headers: { ...headers, ...extra },
      body: typeof sent === "string" || Buffer.isBuffer(sent) ? sent : JSON.stringify(sent),
    });
  /** The attempt reaches the far end through the control, and not through the gateway, which names its rule. */
  async function falls(attempt: (socket: string) => ReturnType<typeof post>, rule: string): Promise<void> {
    await attempt(open);
    controlFell(seen().length === 1);
    const refused = await attempt(door);
    expect([400, 403], rule).toContain(refused.status);
    expect(refused.body).toContain(`Rule ${rule}.`);
    expect(seen().length).toBe(0);
  }

  it("[10] keeps to the known endpoints, and takes the agent's own key, host and headers out", async () => {
    for (const path of ["/v1/files", "/v1/messages/batches", "/v1/organizations/me", "/v1/messages?beta=false", "/v1/messages/"])
      await falls((socket) => post(socket, body, {}, path), "default.refuse");
    const own = { "x-api-key": "sk-ant-mine", "x-forwarded-host": "evil.example", "user-agent": "data-to-carry-out" };
    await post(open, body, own);
    expect(seen()[0]?.headers).toMatchObject({ "x-api-key": "sk-ant-mine", "user-agent": "data-to-carry-out" });
    expect((await post(door, body, { ...own, host: "evil.example" })).status).toBe(200);
    const [asked] = seen();
    expect(asked?.headers).toMatchObject({ "x-api-key": house.modelKey });
    expect(JSON.stringify(asked?.headers)).not.toMatch(/evil|data-to-carry-out|sk-ant-mine/);
  });

  it("[12] shows the key in no error, header or stream, whole or encoded, wherever it is cut", async () => {
    const key = house.modelKey;
    const echoes = [key, Buffer.from(`x${key}`).toString("base64"), Buffer.from(key).toString("hex"), encodeURIComponent(key)];
    for (const status of [400, 429, 500, 529, 200]) {
      house.model.answer = (_request, response) => {
        response.writeHead(status, { "content-type": "text/event-stream", "request-id": echoes.join(" ") });
        for (const character of echoes.join("\n")) response.write(character);
        response.end();
      };
      const leaked = await post(open, body);
      controlFell(leaked.raw.includes(key));
      const answer = await post(door, body);
      expect(answer.status).toBe(status);
      const bytes = answer.raw.replaceAll(/\r\n[0-9a-f]+\r\n/g, "");
      for (const echo of [key, Buffer.from(key).toString("hex"), Buffer.from(key).toString("base64").slice(0, -4)])
        expect(bytes.includes(echo), `${status} ${echo.slice(0, 6)}`).toBe(false);
      expect(bytes).not.toContain(Buffer.from(`x${key}`).toString("base64").slice(4, -4));
    }
  });

  it("[13] lets no body make the far end fetch, search, store or run", async () => {
    const source = { type: "url", url: "https://canary.invalid/?data" };
    const says = (block: unknown) => ({ ...body, messages: [{ role: "user", content: [block] }] });
    const attempts: [unknown, string][] = [
      [{ ...body, tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] }, "model.server-tool"],
      [{ ...body, tools: [{ type: "web_search_20250305", name: "web_search" }] }, "model.server-tool"],
      [{ ...body, tools: [{ type: "code_execution_20250825", name: "code_execution" }] }, "model.server-tool"],
      [{ ...body, mcp_servers: [{ type: "url", url: source.url, name: "x" }] }, "model.remote-field"],
      [{ ...body, container: "c" }, "model.remote-field"],
      [says({ type: "image", source }), "model.remote-source"],
      [says({ type: "document", source: { type: "file", file_id: "f" } }), "model.remote-source"],
      [says({ type: "tool_result", tool_use_id: "t", content: [{ type: "image", source }] }), "model.remote-source"],
      [says({ type: "container_upload", file_id: "f" }), "model.remote-block"],
    ];
    for (const [sent, rule] of attempts) await falls((socket) => post(socket, sent), rule);
    await falls((socket) => post(socket, body, { "anthropic-beta": "mcp-client-2025-11-20" }), "model.remote-beta");
    expect((await post(door, body)).status).toBe(200);
  });

  it("[15] ends ten thousand calls at the budget, across a restart, and says so", async () => {
    await house.gateway.closeDoor(run);
    door = await openWith({ budget: { tokens: 12_000 }, pace: { atOnce: 8, perMinute: 10_000 } });
    for (let calls = 0; calls < 40; calls++) await post(open, body);
    controlFell(seen().length === 40, "forty calls, of three budgets, by a proxy that only forwards");
    const until402 = async () => {
      for (let calls = 0; calls < 10_000; calls++) {
        const answer = await post(door, body);
        if (answer.status !== 200) return answer;
      }
      throw new Error("nothing ended it");
    };
    const over = await until402();
    expect(over.status).toBe(402);
    expect(JSON.parse(over.body).error).toMatchObject({
      type: "billing_error",
      message: expect.stringMatching(/budget is used up: \d+ of 12000 tokens .* Rule model\.over-budget\. .*AIRLOCK_RUN_BUDGET/),
    });
    const spent = seen().length;
    expect(spent).toBeGreaterThan(5);
    expect(spent * 1_000).toBeLessThanOrEqual(12_000);
    // Another door of the same run does not begin anew, nor does the one after.
    await house.gateway.closeDoor(run);
    door = await openWith({ budget: { tokens: 12_000 }, pace: { atOnce: 8, perMinute: 10_000 } });
    expect((await post(door, body)).status).toBe(402);
    expect(seen().length).toBe(0);
    const rows = await house.closeAndRead(run);
    expect(rows.filter((row) => row.rule === "model.over-budget" && row.status === 402 && row.verdict === "refused").length).toBe(
      2,
    );
  });

  it("[15] counts on where the run is gone on with, on another machine or after a rest", async () => {
    const budget = { tokens: 12_000 };
    await house.gateway.closeDoor(run);
    door = await openWith({ budget });
    while ((await post(door, body)).status === 200);
    const rows = await house.closeAndRead(run);
    // Once the App has all of it, nothing of the run is left here: as on another machine.
    await house.gateway.acknowledge(run, rows.length);
    door = await openWith({ budget });
    controlFell((await post(door, body)).status === 200, "a door that was told nothing of what was spent");
    await house.gateway.acknowledge(run, (await house.closeAndRead(run)).length);
    const after = decideRecordStart(rows);
    const order = { run, folder: dirname(door), model: { budget }, ...(after && { after }) };
    door = (await house.gateway.openDoor(order)).socketPath;
    seen();
    expect((await post(door, body)).status).toBe(402);
    expect(seen().length).toBe(0);
    const goneOn = await house.closeAndRead(run);
    expect(verifyChain(run, [...rows, ...goneOn])).toMatchObject({ ok: true });
  });

  it("[15] charges what nobody counted at the most, and lets no dear model in", async () => {
    await house.gateway.closeDoor(run);
    door = await openWith({ allowedModels: [body.model], budget: { microUsd: 110_000 } });
    await falls((socket) => post(socket, { ...body, model: "claude-opus-4-1" }), "model.not-allowed");
    house.model.answer = (_request, response) => void response.destroy();
    await post(door, { ...body, max_tokens: 10_000 });
    const again = await post(door, { ...body, max_tokens: 10_000 });
    expect(again.status).toBe(402);
    const rows = await house.closeAndRead(run);
    const charged = rows.find((row) => row.usage)?.usage;
    expect(charged).toMatchObject({ outputTokens: 10_000 });
  });

  it("[15] slows one run's calls, with the time to come back, and not its neighbour's", async () => {
    await house.gateway.closeDoor(run);
    door = await openWith({ pace: { atOnce: 8, perMinute: 3 } });
    const neighbour = mintTestRun();
    const next = await house.openDoor(neighbour);
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(door, body)));
    expect(answers.filter(({ status }) => status === 200).length).toBe(3);
    const late = answers.find(({ status }) => status === 429);
    expect(late?.raw).toMatch(/retry-after: \d+/i);
    expect((await post(next, body)).status).toBe(200);
    await house.gateway.closeDoor(neighbour);
    const many = await Promise.all(Array.from({ length: 8 }, () => post(open, body)));
    controlFell(
      many.every(({ status }) => status === 200),
      "as many calls by a proxy that only forwards",
    );
  });

  it("[59] sends on exactly what it checked, and refuses what has two readings", async () => {
    const text = JSON.stringify(body);
    const twice = text.replace('"max_tokens"', '"tools":[],"tools":[{"type":"web_fetch_20250910","name":"w"}],"max_tokens"');
    const attempts: [string | Buffer, Record<string, string>, string][] = [
      [twice, {}, "model.json"],
      [twice.replace('"tools":[{', '"t\\u006fols":[{'), {}, "model.json"],
      [`\ufeff${text}`, {}, "model.json"],
      [`${text}{}`, {}, "model.json"],
      [Buffer.from(text.replace("hi", "h\u00ff"), "latin1"), {}, "model.json"],
      [text, { "content-type": "application/json; charset=utf-16" }, "model.content-type"],
      [text, { "content-type": "text/plain" }, "model.content-type"],
      [text, { "content-encoding": "gzip" }, "model.encoding"],
    ];
    for (const [sent, extra, rule] of attempts) await falls((socket) => post(socket, sent, extra), rule);
    const spaced = text.replaceAll(",", " ,\n").replace("hi", "\\u0068i");
    await post(door, spaced);
    expect(seen()[0]?.body).toBe(text);
  });

  it("[60] refuses a tool, block, field or version of tomorrow, and drops a feature of tomorrow", async () => {
    const says = (block: unknown) => ({ ...body, messages: [{ role: "user", content: [block] }] });
    const attempts: [unknown, string][] = [
      [{ ...body, tools: [{ type: "teleport_20300101", name: "t" }] }, "model.server-tool"],
      [{ ...body, tools: [{ name: "t", input_schema: {}, runs_at: "far-end" }] }, "model.unknown-field"],
      [says({ type: "hologram", data: "" }), "model.unknown-block"],
      [says({ type: "text", text: "x", fetch: "https://canary.invalid" }), "model.unknown-field"],
      [says({ type: "image", source: { type: "bucket", key: "k" } }), "model.unknown-source"],
      [{ ...body, thinking: { type: "delegated" } }, "model.value"],
      [{ ...body, context_management: { edits: [{ type: "upload_20300101" }] } }, "model.value"],
      [{ ...body, cache_control: { type: "forever" } }, "model.unknown-field"],
    ];
    for (const [sent, rule] of attempts) await falls((socket) => post(socket, sent), rule);
    await falls((socket) => post(socket, body, { "anthropic-version": "2030-01-01" }), "model.api-version");
    const beta = { "anthropic-beta": "teleport-2030-01-01" };
    await post(open, body, beta);
    expect(seen()[0]?.headers["anthropic-beta"]).toBe("teleport-2030-01-01");
    expect((await post(door, body, beta)).status).toBe(200);
    expect(seen()[0]?.headers["anthropic-beta"]).toBeUndefined();
    const rows = await house.closeAndRead(run);
    expect(rows.at(-1)).toMatchObject({ rule: "model.beta-dropped", verdict: "allowed" });
  });

  it("[61] takes the key nowhere a redirect points, and passes an overloaded API's word as it is", async () => {
    const hits: IncomingMessage[] = [];
    const canary = createServer((request, response) => {
      hits.push(request);
      response.end("{}");
    }).listen(0, "127.0.0.1");
    await once(canary, "listening");
    const location = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/take`;
    for (const status of [301, 302, 303, 307, 308]) {
      house.model.answer = (_request, response) => void response.writeHead(status, { location }).end();
      await post(open, body);
      controlFell(hits.splice(0)[0]?.headers["x-api-key"] === house.modelKey);
      const answer = await post(door, body);
      expect(answer.status).toBe(502);
      expect(answer.raw).not.toContain(location);
      expect(hits.length).toBe(0);
    }
    await closeServer(canary);
    for (const status of [429, 529, 503]) {
      const told = JSON.stringify({ type: "error", error: { type: "overloaded_error", message: "busy" } });
      house.model.answer = (_request, response) =>
        void response.writeHead(status, { "content-type": "application/json", "retry-after": "7" }).end(told);
      const answer = await post(door, body);
      expect(answer).toMatchObject({ status, body: told });
      expect(answer.raw).toMatch(/retry-after: 7/i);
    }
    const rows = await house.closeAndRead(run);
    expect(rows.filter((row) => row.rule === "model.redirect-refused").length).toBe(5);
  });
});

/** What stands in many a compose file: it adds the key if there is none, and forwards all else as it came. */
async function forward(request: IncomingMessage, house: House) {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const given = Object.entries(request.headers).filter(
    ([name]) => !["host", "connection", "content-length", "transfer-encoding"].includes(name),
  );
  const sent = { "x-api-key": house.modelKey, ...Object.fromEntries(given) } as Record<string, string>;
  const answer = await fetch(`${house.model.url}${request.url}`, { method: "POST", headers: sent, body: Buffer.concat(chunks) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return {
    write(response: import("node:http").ServerResponse) {
      response.writeHead(answer.status, { "content-type": "text/plain" }).end(bytes);
    },
  };
}
