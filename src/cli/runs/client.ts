import { type IncomingMessage, request } from "node:http";
import { json, text } from "node:stream/consumers";
import { z } from "zod";
import { Fault } from "../../fault.ts";
import { readLines } from "../../lines.ts";
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
  mode: z.string().optional(),
  checks: z.array(z.looseObject({ ok: z.boolean() })),
  isolation: z
    .looseObject({ kind: z.enum(["runc", "gvisor"]), version: z.string(), kernel: z.string(), escapes: z.array(z.string()) })
    .optional(),
  evidence: z.looseObject({ allowed: z.number(), refused: z.number() }),
  grants: z.array(z.looseObject({ expiresAtMs: z.number(), revokedAtMs: z.number().optional() })),
  usage: z.looseObject({ turns: z.number(), inputTokens: z.number(), outputTokens: z.number(), costUsd: z.number().optional() }),
  held: z.looseObject({ why: z.array(z.string()), sha: z.string(), untilMs: z.number() }).optional(),
  forgotten: z.string().optional(),
  branch: z.string().optional(),
  pullRequest: z.looseObject({ number: z.number(), url: z.string() }).optional(),
});

const evidence = z.object({
  run: z.custom<RunId>((text) => parseRunId(text) !== undefined),
  rows: z.array(z.custom<EvidenceRow>((row) => typeof row === "object" && row !== null)),
  head: z.object({ rows: z.number(), digest: z.string() }).optional(),
});

const pause = z.looseObject({ repository: z.string().optional(), by: z.string(), working: z.boolean(), atMs: z.number() });

const machine = z.looseObject({
  ...{ machine: z.string(), labels: z.array(z.string()), places: z.number(), version: z.string() },
  ...{ sinceMs: z.number(), seenAtMs: z.number() },
});

const full = z.looseObject({ path: z.string(), usedPercent: z.number(), boundPercent: z.number() });

const disk = z.looseObject({
  disks: z.array(z.looseObject({ of: z.array(z.string()), path: z.string(), usedBytes: z.number(), availableBytes: z.number() })),
  boundPercent: z.number().optional(),
  full: full.optional(),
  holdings: z.array(z.looseObject({ kind: z.string(), bytes: z.number(), count: z.number().optional() })),
});

const standstill = z.object({ pauses: z.array(pause), full: full.optional() });

const budget = z.looseObject({
  scope: z.enum(["deployment", "repository", "actor"]),
  name: z.string().optional(),
  per: z.string(),
  period: z.string(),
  capMicroUsd: z.number().optional(),
  spentMicroUsd: z.number(),
  reservedMicroUsd: z.number(),
  endsAtMs: z.number(),
});

const backup = z.object({
  ...{ file: z.string(), bytes: z.number(), rows: z.number().optional(), heldMs: z.number() },
  work: z.array(z.custom<RunId>((text) => parseRunId(text) !== undefined)),
});

const event = z.looseObject({ atMs: z.number(), kind: z.string(), text: z.string(), tool: z.string().nullish() });

/** One line of the list. `subject`: "issue #7" or "pull request #9". */
export type RunLine = z.infer<typeof line>;
export type BudgetLine = z.infer<typeof budget>;
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
  /** Keeps new runs from beginning; with `working`, puts those away that are at work. `repository`: "owner/name"; undefined: all. */
  pause(wish: { repository: string | undefined; working: boolean }): Promise<void>;
  /** False where nothing was paused. */
  resume(wish: { repository: string | undefined }): Promise<boolean>;
  /** Those that share the database, by the clock of the one that answers. */
  machines(): Promise<{ machines: z.infer<typeof machine>[]; nowMs: number }>;
  /** Where money over all runs stands. */
  budgets(): Promise<BudgetLine[]>;
  /** What keeps runs from beginning: what is paused, and a disk that is full. */
  pauses(): Promise<z.infer<typeof standstill>>;
  /** How full the machine's disks are, and what Airlock has there. */
  disk(): Promise<z.infer<typeof disk>>;
  /** Has the App write a backup. `file`: absolute. */
  backUp(file: string): Promise<z.infer<typeof backup>>;
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
    machines: () => askFor(z.object({ machines: z.array(machine), nowMs: z.number() }), "GET", "/machines"),
    evidence: (id) => askFor(evidence, "GET", `/runs/${id}/evidence`),
    pause: async ({ repository, working }) =>
      void (await askFor(
        z.object({ ok: z.literal(true) }),
        "POST",
        `/pause?${query({ repo: repository, working: working ? "1" : undefined })}`,
      )),
    resume: async ({ repository }) =>
      (await askFor(z.object({ ok: z.literal(true), changed: z.boolean() }), "POST", `/resume?${query({ repo: repository })}`))
        .changed,
    budgets: async () => (await askFor(z.object({ budgets: z.array(budget) }), "GET", "/budgets")).budgets,
    pauses: () => askFor(standstill, "GET", "/pauses"),
    disk: () => askFor(disk, "GET", "/disk"),
    backUp: (file) => askFor(backup, "POST", `/backup?${query({ file })}`),
    cancel: async (id) => void (await askFor(z.object({ ok: z.literal(true) }), "POST", `/runs/${id}/cancel`)),
    async *logs(id, { follow, signal }) {
      const response = await ask("GET", `/runs/${id}/logs${follow ? "?follow=1" : ""}`, signal);
      for await (const line of readLines(response)) {
        if (line.trim() !== "") yield understand(event, parseJson(line));
      }
    },
  };
}

function query(fields: Record<string, string | undefined>): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) asked.set(name, value);
  return asked.toString();
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
