import type { SSEStreamingApi } from "hono/streaming";
import { type RunPage, regions } from "./run.ts";
import { openTicks, pause } from "./ticks.ts";
import { showEntry } from "./transcript.ts";
import type { Reader, RunView } from "./view.ts";

export interface Following {
  stream: SSEStreamingApi;
  reader: Reader;
  view: RunView;
  /** Turns what was read into a page's content, the change drawn or remembered. */
  toPage(view: RunView): RunPage;
  afterSeq: number;
  /** Aborts when the reader of the page leaves, or at shutdown. */
  signal: AbortSignal;
  beatMs: number;
  /** How long an ended run is still followed, since tokens are revoked and comments written after its end. */
  lingerMs: number;
}

/**
 * Events: `entry` (HTML of one list item; its id is the entry's seq, so that a browser that comes back goes on after it),
 * `region` ({name, html} of what changed), `over` (nothing more will come). Comments as heartbeats keep proxies from closing.
 */
export async function followRun(following: Following): Promise<void> {
  const { stream, reader, view, signal, beatMs, lingerMs } = following;
  using ticks = openTicks(reader, view.id, signal);
  const send = createSender(following);
  await stream.write("retry: 2000\n\n");
  let endedAtMs: number | undefined;
  while (!signal.aborted) {
    if ((await send()) === "ended") endedAtMs ??= Date.now();
    const waitMs = endedAtMs === undefined ? beatMs : Math.min(beatMs, endedAtMs + lingerMs - Date.now());
    if (waitMs <= 0) return void (await stream.writeSSE({ event: "over", data: "" }));
    const got = await ticks.next(waitMs);
    if (got === "closed") return;
    if (got === "waited") await stream.write(": beat\n\n");
    // An agent that writes fast is shown a few times a second, not for each word.
    await pause(200, signal);
  }
}

function createSender(following: Following): () => Promise<"goes on" | "ended"> {
  const { stream, reader, view, signal } = following;
  const sent = new Map<string, string>();
  let seq = following.afterSeq;
  return async () => {
    for (;;) {
      const entries = await reader.transcript(view.id, seq, 100);
      for (const entry of entries) {
        if (signal.aborted) return "goes on";
        const data = String(await showEntry(entry, { repositoryUrl: view.repository.url }));
        await stream.writeSSE({ event: "entry", id: String(entry.seq), data });
        seq = entry.seq;
      }
      if (entries.length < 100) break;
    }
    const now = await reader.findById(view.id);
    if (!now) return "ended";
    const page = following.toPage(now);
    for (const [name, show] of Object.entries(regions)) {
      const html = String(await show(page));
      if (sent.get(name) === html || signal.aborted) continue;
      sent.set(name, html);
      await stream.writeSSE({ event: "region", data: JSON.stringify({ name, html }) });
    }
    return now.state.at === "ended" ? "ended" : "goes on";
  };
}
