/** A door that writes down every request of the agent and hands it to the local model. It forwards to nothing else. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request as openRequest, type ServerResponse } from "node:http";
import { join, normalize } from "node:path";
import type { RecordedRequest } from "./shape.ts";

export interface Recorder extends AsyncDisposable {
  requests: RecordedRequest[];
}

/** Listens on `socketPath`. `repository`: a bare one, served as plain files (git's dumb protocol). */
export async function openRecorder(of: {
  socketPath: string;
  repository: string;
  model: { url: string; key: string };
  run: string;
}): Promise<Recorder> {
  const requests: RecordedRequest[] = [];
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? "/";
    if (target === "/healthz") return void response.end(JSON.stringify({ run: of.run }));
    if (target.startsWith("/git/")) return serveFile(target, response);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    requests.push({
      method: request.method ?? "",
      target,
      rawHeaders: request.rawHeaders,
      body: body.length > 0 ? JSON.parse(body.toString("utf8")) : undefined,
    });
    const url = new URL(target, of.model.url);
    const onward = openRequest(url, {
      method: request.method,
      headers: { "content-type": "application/json", "x-api-key": of.model.key, "content-length": body.length },
    });
    onward.on("error", () => response.destroy());
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    onward.end(body);
  }

  async function serveFile(target: string, response: ServerResponse): Promise<void> {
    const path = normalize(target.split("?", 1)[0]?.replace("/git/repository.git/", "") ?? "");
    const bytes = path.startsWith("..") ? undefined : await readFile(join(of.repository, path)).catch(() => undefined);
    response.writeHead(bytes ? 200 : 404).end(bytes);
  }

  await new Promise<void>((resolve) => server.listen(of.socketPath, resolve));
  return {
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
