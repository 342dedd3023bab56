import { isAbsolute } from "node:path";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import type { DiskView } from "../disk/view.ts";
import { Fault } from "../fault.ts";
import type { Full } from "../run/full.ts";
import { parseRunId, type RunId } from "../run/identity.ts";
import type { MachineRow } from "../store/queries/machines.ts";
import { type TrialEvent, type TrialWish, trialWish } from "../trial/event.ts";
import type { BudgetReader } from "./budgets.ts";
import type { Pauser } from "./pauser.ts";
import { openTicks } from "./ticks.ts";
import type { Filer, Health, Reader, RunView } from "./view.ts";

export interface LocalOptions {
  reader: Reader;
  filer: Filer;
  pauser?: Pauser;
  /** All that share the database. */
  machines?(): Promise<MachineRow[]>;
  disk?: { full(): Full | undefined; read(): Promise<DiskView> };
  budgets?: BudgetReader;
  publicUrl: string;
  /** Writes a backup to an absolute path. */
  backUp?(file: string): Promise<object>;
  /** Sandboxes that belong to no run. */
  openTrial?(wish: TrialWish, signal: AbortSignal): AsyncGenerator<TrialEvent>;
  closing: AbortSignal;
  health(): Promise<Health>;
  onFault?(error: unknown): void;
}

/** One line of `airlock runs list`. */
export interface RunLine {
  id: RunId;
  repository: string;
  subject: string;
  state: string;
  outcome?: string;
  requester: string;
  createdAtMs: number;
  url: string;
}

/**
 * For the App's local socket (mode 0600: who reaches it is the operator), and for `airlock runs`. Answers are JSON; an error is
 * {ok: false, error} with 404 (no such run), 409 (several begin so, or it has ended), 503 (store away).
 */
export function createLocal(options: LocalOptions): Hono {
  const { reader, closing } = options;
  const app = new Hono();
  app.notFound((c) => c.json({ ok: false, error: "There is no such address." }, 404));
  app.onError((error, c) => {
    options.onFault?.(error);
    return c.json({ ok: false, error: "The runs could not be read. The App's log says why." }, 503);
  });

  app.get("/healthz", async (c) => {
    const health = closing.aborted ? { ok: false, closing: true } : await options.health();
    return c.json(health, health.ok ? 200 : 503);
  });

  app.get("/machines", async (c) => c.json({ machines: (await options.machines?.()) ?? [], nowMs: Date.now() }));

  app.get("/runs", async (c) => {
    const limit = Math.min(1_000, Number(/^[1-9]\d{0,3}$/.exec(c.req.query("limit") ?? "")?.[0] ?? 50));
    const runs = await reader.listRuns(limit);
    return c.json({ runs: runs.map((view) => toLine(view, options.publicUrl)) });
  });

  app.get("/runs/:id", async (c) => {
    const found = await findByPrefix(reader, c.req.param("id"));
    if (!found.ok) return c.json({ ok: false, error: found.error }, found.status);
    return c.json({ run: { ...found.view, url: printUrl(found.view, options.publicUrl) } });
  });

  app.get("/runs/:id/logs", async (c) => {
    const found = await findByPrefix(reader, c.req.param("id"));
    if (!found.ok) return c.json({ ok: false, error: found.error }, found.status);
    c.header("Content-Type", "application/x-ndjson");
    if (c.req.method === "HEAD") return c.body(null);
    const follow = c.req.query("follow") === "1";
    const afterSeq = Number(/^\d{1,15}$/.exec(c.req.query("after") ?? "")?.[0] ?? 0);
    return stream(c, async (out) => {
      const gone = new AbortController();
      out.onAbort(() => gone.abort());
      const signal = AbortSignal.any([closing, gone.signal]);
      const write = (line: object) => out.write(`${JSON.stringify(line)}\n`);
      await writeTranscript({ reader, view: found.view, afterSeq, follow, signal, write }).catch((error) =>
        options.onFault?.(error),
      );
      gone.abort();
    });
  });

  app.get("/runs/:id/evidence", async (c) => {
    const found = await findByPrefix(reader, c.req.param("id"));
    if (!found.ok) return c.json({ ok: false, error: found.error }, found.status);
    return c.json({ run: found.view.id, ...(await reader.evidence(found.view.id)) });
  });

  app.post("/runs/:id/cancel", async (c) => {
    const found = await findByPrefix(reader, c.req.param("id"));
    if (!found.ok) return c.json({ ok: false, error: found.error }, found.status);
    const name = (c.req.query("by") ?? "operator").slice(0, 64);
    const filed = await options.filer.cancel(found.view.id, { kind: "operator", name });
    if (filed === "filed") return c.json({ ok: true });
    if (filed === "ended") return c.json({ ok: false, error: `Run ${found.view.id} has ended already.` }, 409);
    return c.json({ ok: false, error: "There is no such run." }, 404);
  });

  for (const kind of ["publish", "discard"] as const)
    app.post(`/runs/:id/${kind}`, async (c) => {
      const found = await findByPrefix(reader, c.req.param("id"));
      if (!found.ok) return c.json({ ok: false, error: found.error }, found.status);
      const by = (c.req.query("by") ?? "the operator").slice(0, 64);
      const decided = await options.filer.decide(found.view.id, { kind, by, sha: c.req.query("sha") });
      if (decided.is === "filed") return c.json({ ok: true, sha: decided.sha });
      if (decided.is === "unknown") return c.json({ ok: false, error: "There is no such run." }, 404);
      const error =
        decided.is === "not-held"
          ? `Run ${found.view.id} is not held: nothing waits for a word.`
          : `Run ${found.view.id} holds ${decided.held}, not that commit: look at its page again.`;
      return c.json({ ok: false, error }, 409);
    });

  app.get("/disk", async (c) => {
    const view = await options.disk?.read();
    return view ? c.json(view) : c.json({ ok: false, error: "There is no disk to look at here." }, 404);
  });

  app.get("/pauses", async (c) => {
    const full = options.disk?.full();
    return c.json({ pauses: (await options.pauser?.list()) ?? [], ...(full && { full }) });
  });

  app.get("/budgets", async (c) => c.json({ budgets: (await options.budgets?.list()) ?? [] }));

  for (const verb of ["pause", "resume"] as const)
    app.post(`/${verb}`, async (c) => {
      const { pauser } = options;
      if (!pauser) return c.json({ ok: false, error: "Nothing can be paused here." }, 404);
      const repository = c.req.query("repo");
      const wish = repository === undefined ? {} : { repository };
      try {
        if (verb === "resume") return c.json({ ok: true, changed: await pauser.resume(wish) });
        const by = (c.req.query("by") ?? "the operator").slice(0, 64);
        await pauser.pause({ ...wish, by, working: c.req.query("working") === "1" });
        return c.json({ ok: true });
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        return c.json({ ok: false, error: `${error.message}. ${error.remedy}.` }, 409);
      }
    });

  app.post("/backup", async (c) => {
    const file = c.req.query("file") ?? "";
    const { backUp } = options;
    if (!backUp || !isAbsolute(file)) return c.json({ ok: false, error: "That is no place for a backup." }, 400);
    try {
      return c.json(await backUp(file));
    } catch (error) {
      options.onFault?.(error);
      if (!(error instanceof Fault)) throw error;
      return c.json({ ok: false, error: `${error.message}. ${error.remedy}.` }, 409);
    }
  });

  // A trial lives no longer than the request: who goes away ends it.
  app.post("/sandboxes", async (c) => {
    const wish = trialWish.safeParse(await c.req.json().catch(() => undefined));
    const { openTrial } = options;
    if (!wish.success || !openTrial) return c.json({ ok: false, error: "That is no sandbox to try." }, 400);
    c.header("Content-Type", "application/x-ndjson");
    return stream(c, async (out) => {
      const gone = new AbortController();
      out.onAbort(() => gone.abort());
      const signal = AbortSignal.any([closing, gone.signal]);
      try {
        for await (const event of openTrial(wish.data, signal)) await out.write(`${JSON.stringify(event)}\n`);
      } catch (error) {
        if (!signal.aborted) options.onFault?.(error);
      }
    });
  });
  return app;
}

interface Writing {
  reader: Reader;
  view: RunView;
  afterSeq: number;
  follow: boolean;
  signal: AbortSignal;
  write(line: object): Promise<unknown>;
}

async function writeTranscript({ reader, view, afterSeq, follow, signal, write }: Writing): Promise<void> {
  let seq = afterSeq;
  using ticks = openTicks(reader, view.id, signal);
  while (!signal.aborted) {
    // Read before the transcript: an end seen first means that nothing was written after what is read now.
    const now = await reader.findById(view.id);
    for (;;) {
      const entries = await reader.transcript(view.id, seq, 200);
      for (const entry of entries) await write(entry);
      seq = entries.at(-1)?.seq ?? seq;
      if (entries.length < 200) break;
    }
    if (!follow || now === undefined || now.state.at === "ended") return;
    if ((await ticks.next(5_000)) === "closed") return;
  }
}

type Found = { ok: true; view: RunView } | { ok: false; status: 404 | 409; error: string };

/** A whole id, or the beginning of one that no other of the newest 200 runs shares. */
async function findByPrefix(reader: Reader, text: string): Promise<Found> {
  const missing: Found = { ok: false, status: 404, error: "There is no such run." };
  const whole = parseRunId(text);
  if (whole) {
    const view = await reader.findById(whole);
    return view ? { ok: true, view } : missing;
  }
  if (!/^[a-z2-7]{1,15}$/.test(text)) return missing;
  const [view, other] = (await reader.listRuns(200)).filter((run) => run.id.startsWith(text));
  if (view && other) return { ok: false, status: 409, error: `Several runs begin with ${text}. Give more of the id.` };
  return view ? { ok: true, view } : missing;
}

function toLine(view: RunView, publicUrl: string): RunLine {
  return {
    id: view.id,
    repository: `${view.repository.owner}/${view.repository.name}`,
    subject: `${view.subject.kind === "issue" ? "issue" : "pull request"} #${view.subject.number}`,
    state: view.state.at,
    ...(view.state.outcome ? { outcome: view.state.outcome } : {}),
    requester: view.requester.login,
    createdAtMs: view.createdAtMs,
    url: printUrl(view, publicUrl),
  };
}

function printUrl(view: RunView, publicUrl: string): string {
  return `${publicUrl.replace(/\/+$/, "")}/runs/${view.pageKey}`;
}
