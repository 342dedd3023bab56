import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Fault } from "../fault.ts";

export interface ControlCall {
  socketPath: string;
  method: "GET" | "PUT" | "POST" | "DELETE";
  path: string;
  body?: string | Uint8Array;
  signal?: AbortSignal | undefined;
  /** Without an answer for this long the call fails. Default 30,000; 0: never. */
  idleMs?: number;
  /** Longest answer that is taken. Default 16 MiB. */
  limitBytes?: number;
}

export interface ControlAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** One call to a daemon's control socket. Throws Fault "daemon.away" if nobody answers there, "daemon.answer" if the answer is too long. */
export async function callControl(call: ControlCall): Promise<ControlAnswer> {
  const response = await openControl(call);
  const limitBytes = call.limitBytes ?? 16 * 1024 * 1024;
  const chunks: Buffer[] = [];
  let seen = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      seen += chunk.length;
      if (seen > limitBytes)
        throw new Fault("daemon.answer", `${call.path} answered more than ${limitBytes} bytes`, { remedy: "Ask for less" });
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw away(call, cause);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

/** As `callControl`, but hands over the answer while it still arrives. Whoever takes it must read or destroy it. */
export function openControl(call: ControlCall): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = httpRequest({
    socketPath: call.socketPath,
    method: call.method,
    path: call.path,
    agent: false,
    ...(call.signal ? { signal: call.signal } : {}),
    // Kept until we close it: a far end that closed first could break the last, empty write of a call that is already answered.
    headers: { connection: "keep-alive", ...(call.body === undefined ? {} : { "content-length": Buffer.byteLength(call.body) }) },
  });
  const idleMs = call.idleMs ?? 30_000;
  if (idleMs > 0) request.setTimeout(idleMs, () => request.destroy(new Error(`no answer for ${idleMs} ms`)));
  request.on("response", resolve);
  request.on("error", (cause) => reject(call.signal?.aborted ? cause : away(call, cause)));
  request.end(call.body);
  return promise;
}

/** Sends a head, whose length goes before it in the header `airlock-head`, and then whatever comes; answers as `callControl`. */
export async function sendControl(call: {
  socketPath: string;
  path: string;
  head: string;
  rest: Readable;
}): Promise<ControlAnswer> {
  const { socketPath, path, head, rest } = call;
  const headers = { connection: "keep-alive", "airlock-head": Buffer.byteLength(head) };
  const request = httpRequest({ socketPath, method: "POST", path, agent: false, headers });
  const answered = Promise.withResolvers<IncomingMessage>();
  request.once("response", answered.resolve);
  request.once("error", answered.reject);
  request.write(head);
  // A far end that refuses stops reading: what it answered says why.
  pipeline(rest, request).catch(answered.reject);
  try {
    const response = await answered.promise;
    return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
  } catch (cause) {
    throw away({ method: "POST", path, socketPath }, cause);
  } finally {
    rest.destroy();
    request.destroy();
  }
}

function away(call: Pick<ControlCall, "method" | "path" | "socketPath">, cause: unknown): Fault {
  return new Fault("daemon.away", `Nothing answers ${call.method} ${call.path} at ${call.socketPath}`, {
    remedy: "Start Airlock again; its log tells why the process ended",
    cause,
  });
}
