/** The gateway's process: the only thing that a sandbox can reach. Holds the model key and the doors; no App key, no store, no engine. */
import { accessSync, constants } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerJson, readBody } from "../privilege/control-server.ts";
import { runDaemon } from "../privilege/daemon.ts";
import { parseRunId } from "../run/identity.ts";
import { openApiUpstream } from "./api/upstream.ts";
import { Doors, parseDoorWish } from "./doors.ts";
import { type ModelSettings, openModelUpstream } from "./model/upstream.ts";
import { parseKnownPackages } from "./registry/known.ts";
import { openRegistries } from "./registry/serve.ts";
import type { RegistrySettings } from "./registry/settings.ts";
import type { Spool } from "./spool.ts";

export interface GatewayConfig {
  /** Its own: rows wait here until the App has them. */
  spoolFolder: string;
  gitBackendSocket: string;
  model: ModelSettings;
  registries: RegistrySettings;
  /** GitHub's REST API. */
  apiUrl: string;
}

await runDaemon<GatewayConfig>(async (config, log) => {
  accessSync(config.spoolFolder, constants.R_OK | constants.W_OK | constants.X_OK);
  const upstream = openModelUpstream(config.model);
  const { proxyEnv, extraCaPem } = config.model;
  const network = { ...(proxyEnv && { proxyEnv }), ...(extraCaPem && { extraCaPem }) };
  const registries = openRegistries(config.registries, network);
  const api = openApiUpstream(config.apiUrl, network);
  const { spoolFolder, gitBackendSocket: backendSocket } = config;
  const doors = new Doors({ spoolFolder, backendSocket, upstream, registries, api });
  return {
    async handle(request, response, url) {
      const [, collection, name, part] = url.pathname.split("/");
      if (collection !== "doors") return false;
      if (name === undefined && request.method === "GET") {
        answerJson(response, 200, { doors: doors.list() });
        return true;
      }
      const run = parseRunId(name);
      if (!run) return false;
      if (part === undefined && request.method === "PUT") {
        const body = await readBody(request, 65_536);
        const wish = body && parseDoorWish(run, JSON.parse(body.toString("utf8")));
        if (!wish) answerJson(response, 400, { code: "gateway.door", message: "the door's description is not valid" });
        else {
          const door = await doors.open(wish);
          log("info", "door is open", { run });
          answerJson(response, 200, { socketPath: door.socketPath, lacks: doors.lacks(run) });
        }
        return true;
      }
      if (part === undefined && request.method === "DELETE") {
        const lastSeq = await doors.close(run, Number(url.searchParams.get("graceMs") ?? 0));
        log("info", "door is closed", { run, lastSeq });
        answerJson(response, 200, { lastSeq });
        return true;
      }
      if (part === "packages" && request.method === "PUT") {
        const body = await readBody(request, 16 * 1024 * 1024);
        const known = body && parseKnownPackages(JSON.parse(body.toString("utf8")));
        if (known) doors.tellPackages(run, known);
        answerJson(
          response,
          known ? 200 : 400,
          known ? {} : { code: "gateway.packages", message: "the list of packages is not valid" },
        );
        return true;
      }
      if (part === "reader" && request.method === "PUT") {
        const body = await readBody(request, 65_536);
        const { owner, name, token } = JSON.parse(body?.toString("utf8") ?? "{}") as Record<string, unknown>;
        const plain = [owner, name].every((each) => typeof each === "string" && /^[\w.-]{1,100}$/.test(each));
        const good = plain && typeof token === "string" && /^[\x21-\x7e]{8,1024}$/.test(token);
        if (good) doors.tellReader(run, { owner: String(owner), name: String(name), token });
        answerJson(response, good ? 200 : 400, good ? {} : { code: "gateway.reader", message: "the reader is not valid" });
        return true;
      }
      if (part === "record" && request.method === "GET") {
        const spool = doors.findSpool(run);
        if (!spool) answerJson(response, 404, { code: "gateway.no-record", message: `there is no record of ${run}` });
        else await stream({ request, response, spool, afterSeq: Number(url.searchParams.get("after") ?? 0) });
        return true;
      }
      if (part === "acknowledge" && request.method === "POST") {
        answerJson(response, 200, { forgotten: doors.acknowledge(run, Number(url.searchParams.get("seq"))) });
        return true;
      }
      return false;
    },
    async close() {
      await doors.closeAll();
      upstream.close();
      registries.close();
      api.close();
    },
  };
});

/** Rows as lines; the last line says that there will be no more. */
async function stream(to: { request: IncomingMessage; response: ServerResponse; spool: Spool; afterSeq: number }): Promise<void> {
  const gone = new AbortController();
  to.response.once("close", () => gone.abort());
  to.response.writeHead(200, { "content-type": "application/x-ndjson" });
  to.response.flushHeaders();
  for await (const row of to.spool.follow(to.afterSeq, gone.signal)) {
    if (to.response.write(`${JSON.stringify(row)}\n`)) continue;
    await new Promise<void>((resolve) => {
      to.response.once("drain", resolve);
      to.response.once("close", resolve);
    });
  }
  to.response.end(`${JSON.stringify({ end: true, lastSeq: to.spool.lastSeq() })}\n`);
}
