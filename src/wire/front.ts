import type { Logger } from "pino";
import type { Receiver } from "../delivery/receive.ts";
import { serve } from "../delivery/serve.ts";
import { serveLocal } from "../delivery/serve-local.ts";
import { createLocal, type LocalOptions } from "../pages/local.ts";
import { createPages } from "../pages/pages.ts";
import type { Health, Reader } from "../pages/view.ts";
import { appSocket } from "../settings/place.ts";
import type { CompleteSettings, Role } from "../settings.ts";

export interface Front extends AsyncDisposable {
  /** Undefined: it is a worker, and listens nowhere. */
  port: number | undefined;
  /** The address for people, with the port that was really taken. */
  url: string;
}

/** What the world sees: webhook and pages; and the operator's own socket. `onUrl`: before anybody can ask for a page. */
export async function openFront(of: {
  settings: CompleteSettings;
  role: Exclude<Role, "web">;
  receiver: Receiver;
  reader: Reader;
  health(): Promise<Health>;
  local: Omit<LocalOptions, "reader" | "publicUrl" | "closing" | "health" | "onFault">;
  log: Logger;
  onUrl(url: string): void;
}): Promise<Front> {
  const { settings, role, log, reader, health } = of;
  const { data, web, github, poll } = settings;
  await using held = new AsyncDisposableStack();
  const closing = new AbortController();
  held.defer(() => closing.abort());
  const onFault = (error: unknown) => log.error({ err: error }, "page failed");
  const pages = createPages({ reader, publicUrl: web.publicUrl, closing: closing.signal, health, onFault });
  // A worker takes no deliveries and shows no pages: others do, who hold none of its keys.
  const serving =
    role === "worker"
      ? undefined
      : held.use(
          await serve({
            ...web,
            webhookPath: github.webhookPath,
            receiver: poll.only ? undefined : of.receiver,
            pages,
            onFault: (error, path) => log.error({ err: error, path }, "request failed"),
          }),
        );
  const url = serving && web.port === 0 ? withPort(web.publicUrl, serving.port) : web.publicUrl;
  of.onUrl(url);
  const local = createLocal({ ...of.local, reader, publicUrl: url, closing: closing.signal, health, onFault });
  held.use(await serveLocal(appSocket(data), local));
  const kept = held.move();
  return { port: serving?.port, url, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.toString().replace(/\/$/, "");
}
