import { createParser, type EventSourceMessage } from "eventsource-parser";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LocalModel, startLocalModel } from "../../../../src/local/model/server.ts";

const key = "sk-ant-local-key";
let model: LocalModel;
beforeEach(async () => {
  model = await startLocalModel({ key });
});
afterEach(() => model.close());

type Headers = Record<string, string>;
const tools = [{ name: "Bash", input_schema: {} }];
const ask = (extra: object = {}, headers: Headers = { "x-api-key": key }) =>
  fetch(`${model.url}/v1/messages?beta=true`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "m-1", max_tokens: 9, messages: [{ role: "user", content: "go" }], tools, ...extra }),
  });

describe("the local model", () => {
  it("wants the right key, in either header, and answers in Anthropic's shape without", async () => {
    for (const headers of [{}, { "x-api-key": "wrong" }, { authorization: "Bearer wrong" }] as Headers[]) {
      const refused = await ask({}, headers);
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({ type: "error", error: { type: "authentication_error" } });
    }
    expect((await ask({}, { authorization: `Bearer ${key}` })).status).toBe(200);
  });

  it("streams the same answer that it gives whole", async () => {
    const text = `Grüße ${"🎉".repeat(100)}`;
    const input = { command: "echo '\"'; ".repeat(50) };
    model.setScenario({ turns: [{ text, tool: "Bash", input }] });
    const whole = await (await ask()).json();
    const events: { type: string; delta?: Record<string, string> }[] = [];
    const parser = createParser({ onEvent: (event: EventSourceMessage) => events.push(JSON.parse(event.data)) });
    parser.feed(await (await ask({ stream: true })).text());
    const deltas = events.filter((event) => event.type === "content_block_delta").map((event) => event.delta ?? {});
    expect(deltas.map((delta) => delta.text ?? "").join("")).toBe(text);
    expect(JSON.parse(deltas.map((delta) => delta.partial_json ?? "").join(""))).toEqual(input);
    expect(deltas.length).toBeGreaterThan(4);
    expect(events[0]?.type).toBe("message_start");
    expect(events.at(-2)).toMatchObject({ type: "message_delta", delta: { stop_reason: "tool_use" } });
    expect(events.at(-1)?.type).toBe("message_stop");
    expect(whole).toMatchObject({
      stop_reason: "tool_use",
      content: [
        { type: "text", text },
        { type: "tool_use", name: "Bash", input },
      ],
    });
  });

  it("answers requests without tools in a few words, whatever the scenario says", async () => {
    model.setScenario({ turns: [{ error: { status: 500 } }] });
    expect(await (await ask({ tools: undefined, max_tokens: 1 })).json()).toMatchObject({
      stop_reason: "max_tokens",
      content: [{ type: "text" }],
    });
    expect((await ask()).status).toBe(500);
  });

  it("lets a failure pass after so many tries, counted for each session by itself", async () => {
    model.setScenario({ turns: [{ error: { status: 429, times: 1, headers: { "retry-after": "1" } } }, { text: "ok" }] });
    const of = (user_id: string) => ask({ metadata: { user_id } });
    const first = await of("one");
    expect([first.status, first.headers.get("retry-after")]).toEqual([429, "1"]);
    expect((await of("two")).status).toBe(429);
    expect((await of("one")).status).toBe(200);
  });

  it("breaks the connection in the middle of an answer where the scenario cuts it", async () => {
    model.setScenario({ turns: [{ cut: { times: 1 } }, { text: "ok" }] });
    await expect(ask({ stream: true }).then((answer) => answer.text())).rejects.toThrow();
    expect(await (await ask({ stream: true })).text()).toContain("ok");
  });

  it("keeps what reached it, with credentials masked", async () => {
    await (await ask()).text();
    await (await ask({}, { authorization: "Bearer ghs_foreign" })).text();
    const answer = await fetch(`${model.url}/requests`);
    const { requests } = (await answer.json()) as { requests: object[] };
    expect(requests).toMatchObject([
      { method: "POST", path: "/v1/messages?beta=true", sawKey: true, model: "m-1", tools: ["Bash"], messages: 1, status: 200 },
      { sawKey: false, status: 401 },
    ]);
    expect(JSON.stringify(requests)).not.toMatch(/ghs_foreign|sk-ant-local-key/);
  });

  it("takes a scenario over HTTP, and names what is wrong with a bad one", async () => {
    const put = (body: string) => fetch(`${model.url}/scenario`, { method: "PUT", body });
    const bad = await put('{"turns":[{"text":1}]}');
    expect([bad.status, JSON.stringify(await bad.json())]).toEqual([400, expect.stringContaining("turns.0.text")]);
    expect((await put("{")).status).toBe(400);
    expect((await put('{"turns":[{"text":"hi"}]}')).status).toBe(200);
    expect(await (await fetch(`${model.url}/scenario`)).json()).toEqual({ turns: [{ text: "hi" }] });
  });

  it("counts tokens, and refuses what is no Messages request", async () => {
    const count = await fetch(`${model.url}/v1/messages/count_tokens`, {
      method: "POST",
      headers: { "x-api-key": key },
      body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "x".repeat(400) }] }),
    });
    expect(((await count.json()) as { input_tokens: number }).input_tokens).toBeGreaterThan(100);
    expect((await ask({ messages: [] })).status).toBe(400);
    expect((await fetch(`${model.url}/v1/files`, { headers: { "x-api-key": key } })).status).toBe(404);
  });

  it("closes at once, also while an answer waits", async () => {
    model.setScenario({ turns: [{ delayMs: 60_000, text: "late" }] });
    const waiting = ask().catch((error: unknown) => error);
    await expect.poll(() => model.requests()).toMatchObject([{ status: 0 }]);
    await model.close();
    expect(await waiting).toBeInstanceOf(Error);
  });
});
