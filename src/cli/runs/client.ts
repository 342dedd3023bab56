import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { json } from "node:stream/consumers";
import { z } from "zod";
import { Fault } from "../../fault.ts";
import type { RunId } from "../../run/identity.ts";

const run = z.looseObject({
  id: z.string(),
  repository: z.string(),
  subject: z.string(),
  state: z.string(),
  outcome: z.string().nullish(),
  requester: z.string(),
  createdAtMs: z.number(),
  url: z.string(),
});

const event = z.looseObject({ atMs: z.number(), kind: z.string(), text: z.string(), tool: z.string().nullish() });

/** A run as the App tells it over its local socket. `subject`: "issue #7" or "pull request #9". More keys may come with it. */
export type RunView = z.infer<typeof run>;
/** One line of a run's transcript. */
export type TranscriptEvent = z.infer<typeof event>;

/** The running App's local socket, as HTTP. Each throws Fault "engine.airlock-away", "runs.unknown" or "runs.answer". */
export interface RunsClient {
  list(): Promise<RunView[]>;
  show(id: RunId): Promise<RunView>;
  /** Ends when the transcript does; with `follow` that is when the run has ended. */
  logs(id: RunId, options: { follow: boolean; signal: AbortSignal }): AsyncGenerator<TranscriptEvent>;
  cancel(id: RunId): Promise<void>;
}

export function runsClient({ socketPath, dataFolder }: { socketPath: string; dataFolder: string }): RunsClient {
  const ask = async (method: string, path: string, signal?: AbortSignal): Promise<IncomingMessage> => {
    const response = await send({ socketPath, dataFolder, method, path, signal });
    if (response.statusCode === 200) return response;
    response.resume();
    if (response.statusCode === 404)
      throw new Fault("runs.unknown", "this Airlock knows no such run", { remedy: "See ./airlock runs list" });
    throw notUnderstood(`status ${response.statusCode}`);
  };
  const askFor = async <Shape extends z.ZodType>(shape: Shape, method: string, path: string): Promise<z.output<Shape>> =>
    understand(shape, await json(await ask(method, path)));

  return {
    list: async () => (await askFor(z.object({ runs: z.array(run) }), "GET", "/runs")).runs,
    show: async (id) => (await askFor(z.object({ run }), "GET", `/runs/${id}`)).run,
    cancel: async (id) => void (await askFor(z.object({ ok: z.literal(true) }), "POST", `/runs/${id}/cancel`)),
    async *logs(id, { follow, signal }) {
      const response = await ask("GET", `/runs/${id}/logs${follow ? "?follow=1" : ""}`, signal);
      for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
        if (line.trim() !== "") yield understand(event, parseJson(line));
      }
    },
  };
}

interface Question {
  socketPath: string;
  dataFolder: string;
  method: string;
  path: string;
  signal: AbortSignal | undefined;
}

function send({ socketPath, dataFolder, method, path, signal }: Question): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // A POST without this header is refused there: no web page can send it across origins.
  const headers = { host: "airlock", "x-airlock-local": "1", ...(method === "POST" ? { "content-length": "0" } : {}) };
  request({ socketPath, method, path, headers, ...(signal ? { signal } : {}) }, resolve)
    .on("error", (cause: NodeJS.ErrnoException) =>
      reject(cause.name === "AbortError" ? cause : away({ cause, socketPath, dataFolder })),
    )
    .end();
  return promise;
}

function away({
  cause,
  socketPath,
  dataFolder,
}: {
  cause: NodeJS.ErrnoException;
  socketPath: string;
  dataFolder: string;
}): Fault {
  if (cause.code === "EACCES" || cause.code === "EPERM")
    return new Fault("engine.airlock-away", `${socketPath} belongs to another user`, {
      remedy: "Run this as the user who started Airlock",
      cause,
    });
  return new Fault("engine.airlock-away", `no Airlock is running for the data folder ${dataFolder}`, {
    remedy: "Start it with ./airlock start, or name another folder with --data or AIRLOCK_DATA",
    cause,
  });
}

function understand<Shape extends z.ZodType>(shape: Shape, answer: unknown): z.output<Shape> {
  const parsed = shape.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw notUnderstood(z.prettifyError(parsed.error));
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw notUnderstood("a line that is no JSON", cause);
  }
}

function notUnderstood(what: string, cause?: unknown): Fault {
  return new Fault("runs.answer", `the running Airlock answered in a way that this command does not understand: ${what}`, {
    remedy: "It is probably of another version: restart it",
    cause,
  });
}
