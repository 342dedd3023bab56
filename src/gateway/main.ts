/** The gateway's process: the only thing that a sandbox can reach. Holds the model key and the doors; no App key, no store, no engine. */
import { accessSync, constants } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { answerJson, readBody } from "../privilege/control-server.ts";
import { runDaemon } from "../privilege/daemon.ts";
import { parseRunId, type RunId } from "../run/identity.ts";
import { openApiUpstream } from "./api/upstream.ts";
import { internet } from "./connect/internet.ts";
import { tunnelLimits } from "./connect/limits.ts";
import { Doors, parseDoorWish } from "./doors.ts";
import { openCaps } from "./model/caps.ts";
import { openReceipts } from "./model/receipts.ts";
import { type ModelSettings, openModelUpstream } from "./model/upstream.ts";
import { parseNetworkNote } from "./network.ts";
import { parseRecordStart } from "./record-start.ts";
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
  /** Hosts that runs may open tunnels to. */
  tunnelHosts: readonly string[];
  /** The App's socket for money that is counted over all runs, and how long a call is held while it does not answer. */
  caps: { socketPath: string; patienceMs: number };
}

await runDaemon<GatewayConfig>(async (config, log) => {
  accessSync(config.spoolFolder, constants.R_OK | constants.W_OK | constants.X_OK);
  const upstream = openModelUpstream(config.model, join(config.spoolFolder, "limit.json"));
  const { proxyEnv, extraCaPem } = config.model;
  const network = { ...(proxyEnv && { proxyEnv }), ...(extraCaPem && { extraCaPem }) };
  const registries = openRegistries(config.registries, network);
  const api = openApiUpstream(config.apiUrl, network);
  const { spoolFolder, gitBackendSocket: backendSocket } = config;
  const caps = openCaps({ ...config.caps, receipts: openReceipts(join(config.spoolFolder, "receipts")) });
  const tunnels = { hosts: config.tunnelHosts, internet, limits: tunnelLimits };
  const onFault = (error: unknown, run: RunId) =>
    log("error", "a request met an error that nobody foresaw", {
      run,
      err: error instanceof Error ? error.stack?.slice(0, 2_000) : "",
    });
  const doors = new Doors({ spoolFolder, backendSocket, upstream, registries, api, caps, tunnels, onFault });
  return {
    async handle(request, response, url) {
      const [, collection, name, part] = url.pathname.split("/");
      if (collection === "limit" && name === undefined && request.method === "GET") {
        answerJson(response, 200, { untilMs: upstream.limit.untilMs() ?? null });
        return true;
      }
      if (collection !== "doors") return false;
      if (name === undefined && request.method === "GET") {
        answerJson(response, 200, { doors: doors.list() });
        return true;
      }
      const run = parseRunId(name);
      if (!run) return false;
      if (part === undefined && request.method === "PUT") {
        const body = await readBody(request, 65_536);
        const order: unknown = body && JSON.parse(body.toString("utf8"));
        const wish = body && parseDoorWish(run, order);
        if (!wish) answerJson(response, 400, { code: "gateway.door", message: "the door's description is not valid" });
        else {
          const door = await doors.open(wish, parseRecordStart(order));
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
      if (part === "network" && request.method === "POST") {
        const body = await readBody(request, 4 * 1024 * 1024);
        const note = body && parseNetworkNote(JSON.parse(body.toString("utf8")));
        if (!note) answerJson(response, 400, { code: "gateway.network", message: "the note of the network is not valid" });
        else answerJson(response, 200, { noted: await doors.noteNetwork(run, note) });
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
      await caps.close();
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
