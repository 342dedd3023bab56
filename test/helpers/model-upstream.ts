/** A stand-in for the Messages API on loopback that answers what a test tells it, and keeps what it was asked. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { closeServer } from "./git-upstream.ts";

export interface ModelUpstreamStandIn extends AsyncDisposable {
  url: string;
  asked: { target: string; headers: IncomingHttpHeaders; body: string }[];
  /** How often a client went away before its answer had ended. */
  broken: number;
  answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
}

export async function openModelStandIn(): Promise<ModelUpstreamStandIn> {
  const standIn = {
    asked: [] as ModelUpstreamStandIn["asked"],
    broken: 0,
    answer: ((_q, r) => void r.end("{}")) as ModelUpstreamStandIn["answer"],
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    standIn.asked.push({ target: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString("utf8") });
    response.on("close", () => {
      if (!response.writableFinished) standIn.broken += 1;
    });
    await standIn.answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(standIn, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`,
    [Symbol.asyncDispose]: () => closeServer(server),
  });
}
