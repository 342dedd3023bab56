import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Fault } from "../../fault.ts";
import { defaultScenario } from "./default-scenario.ts";
import { createMessagesEndpoint } from "./messages.ts";
import { errorTypeOf, printError } from "./print.ts";
import { createRequestList, digest, hasKey, maskHeaders, type SeenRequest } from "./requests.ts";
import { parseScenario, type Scenario } from "./scenario.ts";

export interface LocalModel {
  /** Without a trailing slash: what ANTHROPIC_BASE_URL would be. */
  url: string;
  key: string;
  /** From now on this key is taken, and no other. */
  setKey(key: string): void;
  /** Throws Fault "usage.scenario". `undefined` brings the demo's job back. */
  setScenario(scenario: unknown): void;
  /** The last thousand requests, oldest first. */
  requests(): SeenRequest[];
  close(): Promise<void>;
}

const limitBytes = 33_554_432;

/** A scripted stand-in for Anthropic's Messages API on 127.0.0.1. `port`: 0 or none takes a free one. `key`: the only one it accepts. */
export async function startLocalModel(options: { port?: number; key: string }): Promise<LocalModel> {
  let { key } = options;
  const list = createRequestList();
  const closing = new AbortController();
  let scenario: Scenario = defaultScenario;
  const messages = createMessagesEndpoint({ key: () => key, scenario: () => scenario });
  const setScenario = (value: unknown) => {
    scenario = value === undefined ? defaultScenario : parseScenario(value);
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "/";
    const route = `${request.method} ${path.split("?", 1)[0]}`;
    const requestId = `req_${randomBytes(12).toString("hex")}`;
    response.setHeader("request-id", requestId);
    const refuse = (status: number, message: string) =>
      sendJson(response, status, printError({ type: errorTypeOf(status), message, requestId }));
    const body = await readBody(request);
    if (!body) return refuse(413, "Request exceeds the maximum size");
    if (route === "PUT /scenario") return putScenario(body, response, setScenario);
    if (route === "GET /scenario") return sendJson(response, 200, scenario);
    if (route === "GET /requests") return sendJson(response, 200, { requests: list.all() });

    const seen: SeenRequest = {
      ...{
        atMs: Date.now(),
        method: request.method ?? "",
        path,
        headers: maskHeaders(request.headers),
        sawKey: hasKey(request.headers, key),
      },
      ...{ bodyDigest: digest(body), bodyBytes: body.length, model: undefined, tools: [], messages: 0, status: 0 },
    };
    list.add(seen);
    response.once("close", () => {
      seen.status = response.statusCode;
    });
    if (route === "HEAD /api/hello" || route === "GET /api/hello") return sendJson(response, 200, { message: "hello" });
    if (route !== "POST /v1/messages" && route !== "POST /v1/messages/count_tokens") return refuse(404, "Not found");
    if (!seen.sawKey)
      return refuse(
        401,
        request.headers["x-api-key"] === undefined && request.headers.authorization === undefined
          ? "x-api-key header is required"
          : "invalid x-api-key",
      );
    const asked = messages.read(body);
    if ("problem" in asked) return refuse(400, asked.problem);
    seen.model = asked.request.model;
    seen.tools = (asked.request.tools ?? []).map((tool) => tool.name ?? tool.type ?? "");
    seen.messages = asked.request.messages.length;
    if (route.endsWith("count_tokens")) return sendJson(response, 200, { input_tokens: Math.ceil(body.length / 4) });
    await messages.answer({ request: asked.request, bodyBytes: body.length, response, requestId, signal: closing.signal });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      // Whoever asked has gone away, or the server is closing; there is nobody left to tell.
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { type: "error", error: { type: "api_error", message: "Internal server error" } });
    });
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get key() {
      return key;
    },
    setKey(other) {
      key = other;
    },
    setScenario,
    requests: list.all,
    close: async () => {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function putScenario(body: Buffer, response: ServerResponse, setScenario: (value: unknown) => void): void {
  try {
    setScenario(JSON.parse(body.toString("utf8")));
    sendJson(response, 200, { ok: true });
  } catch (error) {
    const fault = error instanceof Fault ? error : undefined;
    sendJson(response, 400, {
      error: fault?.message ?? "The scenario is not JSON",
      remedy: fault?.remedy ?? "Send a JSON object",
    });
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

/** Undefined when it is over the limit; the rest is then read and thrown away, so that the refusal can arrive. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= limitBytes) chunks.push(chunk);
  }
  return bytes > limitBytes ? undefined : Buffer.concat(chunks);
}
