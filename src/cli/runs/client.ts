import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { json, text } from "node:stream/consumers";
import { z } from "zod";
import { Fault } from "../../fault.ts";
import type { EvidenceRow } from "../../run/evidence.ts";
import { parseRunId, type RunId } from "../../run/identity.ts";

const line = z.looseObject({
  id: z.string(),
  repository: z.string(),
  subject: z.string(),
  state: z.string(),
  outcome: z.string().nullish(),
  requester: z.string(),
  createdAtMs: z.number(),
  url: z.string(),
});

/** The parts that are shown to people; programs get all of it. */
const run = z.looseObject({
  id: z.string(),
  url: z.string(),
  repository: z.looseObject({ owner: z.string(), name: z.string() }),
  subject: z.looseObject({ kind: z.string(), number: z.number(), title: z.string() }),
  requester: z.looseObject({ login: z.string() }),
  trigger: z.string(),
  createdAtMs: z.number(),
  endedAtMs: z.number().optional(),
  state: z.looseObject({ at: z.string(), words: z.string(), outcome: z.string().optional(), reason: z.string().optional() }),
  mode: z.string(),
  checks: z.array(z.looseObject({ ok: z.boolean() })),
  evidence: z.looseObject({ allowed: z.number(), refused: z.number() }),
  grants: z.array(z.looseObject({ expiresAtMs: z.number(), revokedAtMs: z.number().optional() })),
  usage: z.looseObject({ turns: z.number(), inputTokens: z.number(), outputTokens: z.number(), costUsd: z.number().optional() }),
  held: z.looseObject({ why: z.array(z.string()), sha: z.string(), untilMs: z.number() }).optional(),
  branch: z.string().optional(),
  pullRequest: z.looseObject({ number: z.number(), url: z.string() }).optional(),
});

const evidence = z.object({
  run: z.custom<RunId>((text) => parseRunId(text) !== undefined),
  rows: z.array(z.custom<EvidenceRow>((row) => typeof row === "object" && row !== null)),
  head: z.object({ rows: z.number(), digest: z.string() }).optional(),
});

const event = z.looseObject({ atMs: z.number(), kind: z.string(), text: z.string(), tool: z.string().nullish() });

/** One line of the list. `subject`: "issue #7" or "pull request #9". */
export type RunLine = z.infer<typeof line>;
export type RunDetail = z.infer<typeof run>;
/** One line of a run's transcript. */
export type TranscriptEvent = z.infer<typeof event>;

/** The running App's local socket, as HTTP. Each throws Fault "engine.airlock-away", "runs.refused" or "runs.answer".
 *  `id`: a run's id, or its first letters where no other run shares them. */
export interface RunsClient {
  list(): Promise<RunLine[]>;
  show(id: string): Promise<RunDetail>;
  /** Ends when the transcript does; with `follow` that is when the run has ended. */
  logs(id: string, options: { follow: boolean; signal: AbortSignal }): AsyncGenerator<TranscriptEvent>;
  evidence(id: string): Promise<z.infer<typeof evidence>>;
  cancel(id: string): Promise<void>;
  /** Answers the commit that the word was filed for. `sha`: refused where another one is held. */
  decide(id: string, kind: "publish" | "discard", sha: string | undefined): Promise<string>;
}

export function runsClient({ socketPath, dataFolder }: { socketPath: string; dataFolder: string }): RunsClient {
  const ask = async (method: string, path: string, signal?: AbortSignal): Promise<IncomingMessage> => {
    const response = await send({ socketPath, dataFolder, method, path, signal });
    if (response.statusCode === 200) return response;
    const told = refusal.safeParse(await json(response).catch(() => undefined));
    if (!told.success) throw notUnderstood(`status ${response.statusCode}`);
    throw new Fault("runs.refused", told.data.error, { remedy: "See ./airlock runs list" });
  };
  const askFor = async <Shape extends z.ZodType>(shape: Shape, method: string, path: string): Promise<z.output<Shape>> =>
    understand(shape, parseJson(await text(await ask(method, path))));

  return {
    list: async () => (await askFor(z.object({ runs: z.array(line) }), "GET", "/runs")).runs,
    show: async (id) => (await askFor(z.object({ run }), "GET", `/runs/${id}`)).run,
    decide: async (id, kind, sha) =>
      (
        await askFor(
          z.object({ ok: z.literal(true), sha: z.string() }),
          "POST",
          `/runs/${id}/${kind}${sha === undefined ? "" : `?sha=${sha}`}`,
        )
      ).sha,
    evidence: (id) => askFor(evidence, "GET", `/runs/${id}/evidence`),
    cancel: async (id) => void (await askFor(z.object({ ok: z.literal(true) }), "POST", `/runs/${id}/cancel`)),
    async *logs(id, { follow, signal }) {
      const response = await ask("GET", `/runs/${id}/logs${follow ? "?follow=1" : ""}`, signal);
      for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
        if (line.trim() !== "") yield understand(event, parseJson(line));
      }
    },
  };
}

/** How the App says no: 404 no such run, 409 ended or ambiguous, 503 store away. */
const refusal = z.object({ ok: z.literal(false), error: z.string() });

interface Question {
  socketPath: string;
  dataFolder: string;
  method: string;
  path: string;
  signal: AbortSignal | undefined;
}

function send({ socketPath, dataFolder, method, path, signal }: Question): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { host: "airlock", ...(method === "POST" ? { "content-length": "0" } : {}) };
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
