import { type Context, Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { streamSSE } from "hono/streaming";
import { readAssets, serveAsset } from "./assets.ts";
import { createDrawnChanges } from "./drawn-changes.ts";
import { followRun } from "./live.ts";
import type { Verdict } from "./parts.ts";
import { showBroken, showFront, showMissing } from "./plain.ts";
import { type RunPage, showChangePage, showRun, transcriptLimit } from "./run.ts";
import { type Health, parsePageKey, type Reader, type RunView } from "./view.ts";

export interface PagesOptions {
  reader: Reader;
  /** The address that people use, for example "https://airlock.example/"; a path in it is put before every link. */
  publicUrl: string;
  /** Aborts at shutdown and ends every live stream. */
  closing: AbortSignal;
  health(): Promise<Health>;
  /** Told of every error that a visitor only sees as "not available". */
  onFault?(error: unknown): void;
  /** Live streams at one time; above it the answer is 503 and the page reloads itself less often. */
  limitStreams?: number;
  beatMs?: number;
  lingerMs?: number;
}

/** The public pages: read only, nothing is changed from here, and no list of runs. */
export function createPages(options: PagesOptions): Hono {
  const { reader, closing } = options;
  const onFault = options.onFault ?? (() => undefined);
  const assets = readAssets(new URL(options.publicUrl).pathname.replace(/\/+$/, ""));
  const { site } = assets;
  const drawn = createDrawnChanges();
  let streams = 0;
  const app = new Hono();

  app.use(secureHeaders(headers(options.publicUrl)));
  app.use(async (c, next) => {
    await next();
    if (!c.res.headers.has("Cache-Control") || c.res.headers.get("Cache-Control") === "no-cache")
      c.res.headers.set("Cache-Control", "no-store");
    c.res.headers.set("X-Robots-Tag", "noindex, nofollow");
  });
  app.notFound((c) => c.html(showMissing(site), 404));
  app.onError((error, c) => {
    onFault(error);
    return c.html(showBroken(site), 503);
  });

  app.get("/", (c) => c.html(showFront(site)));
  app.get("/healthz", async (c) => {
    const health = closing.aborted ? { ok: false, closing: true } : await options.health();
    return c.json(health, health.ok ? 200 : 503);
  });
  app.get("/robots.txt", (c) => c.text("User-agent: *\nDisallow: /\n"));
  app.get("/assets/:name", (c) => serveAsset(assets, c) ?? c.notFound());

  const toPage = (view: RunView, verdict: Verdict | undefined): RunPage => ({
    view,
    site,
    verdict,
    nowMs: Date.now(),
    change: view.patch ? drawn(view.id, view.patch) : undefined,
  });

  app.get("/runs/:key", async (c) => {
    const view = await findRun(reader, c);
    if (!view) return c.notFound();
    const afterSeq = parseSeq(c.req.query("after")) ?? Math.max(0, view.lastSeq - transcriptLimit + 1);
    const entries = await reader.transcript(view.id, afterSeq, transcriptLimit);
    return c.html(showRun(toPage(view, parseVerdict(c)), { entries, afterSeq }));
  });

  app.get("/runs/:key/diff", async (c) => {
    const view = await findRun(reader, c);
    return view ? c.html(showChangePage(toPage(view, undefined))) : c.notFound();
  });

  app.get("/runs/:key/patch", async (c) => {
    const view = await findRun(reader, c);
    if (!view?.patch) return c.notFound();
    return c.body(view.patch, 200, {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Disposition": `attachment; filename="airlock-${view.id}.patch"`,
    });
  });

  app.get("/runs/:key/live", async (c) => {
    const view = await findRun(reader, c);
    if (!view) return c.notFound();
    c.header("X-Accel-Buffering", "no");
    // A HEAD request would leave a stream behind that nobody reads.
    if (c.req.method === "HEAD") return c.body(null, 200, { "Content-Type": "text/event-stream" });
    if (closing.aborted || streams >= (options.limitStreams ?? 500)) return c.text("busy", 503, { "Retry-After": "10" });
    const verdict = parseVerdict(c);
    const afterSeq = parseSeq(c.req.header("last-event-id")) ?? parseSeq(c.req.query("after")) ?? 0;
    streams += 1;
    return streamSSE(c, async (stream) => {
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      const signal = AbortSignal.any([closing, gone.signal]);
      try {
        await followRun({
          stream,
          reader,
          view,
          toPage: (now) => toPage(now, verdict),
          afterSeq,
          signal,
          beatMs: options.beatMs ?? 15_000,
          lingerMs: options.lingerMs ?? 8_000,
        });
      } catch (error) {
        // Caught here: hono would send the error's message to the visitor.
        onFault(error);
      } finally {
        streams -= 1;
      }
    });
  });

  return app;
}

function headers(publicUrl: string): Parameters<typeof secureHeaders>[0] {
  return {
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
      trustedTypes: ["airlock"],
    },
    // The address of a page is what lets one read it: it goes to no other host.
    referrerPolicy: "same-origin",
    xFrameOptions: "DENY",
    strictTransportSecurity: publicUrl.startsWith("https:") ? "max-age=15552000" : false,
    permissionsPolicy: { camera: [], geolocation: [], microphone: [], payment: [], usb: [] },
  };
}

async function findRun(reader: Reader, c: Context): Promise<RunView | undefined> {
  const key = parsePageKey(c.req.param("key"));
  return key ? await reader.findRun(key) : undefined;
}

function parseVerdict(c: Context): Verdict | undefined {
  const word = c.req.query("verdict");
  return word === "allowed" || word === "refused" ? word : undefined;
}

function parseSeq(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
