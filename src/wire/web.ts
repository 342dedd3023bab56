import { verify } from "@octokit/webhooks-methods";
import { serve } from "../delivery/serve.ts";
import { acceptEither, type Verify } from "../delivery/signature.ts";
import { createLogger } from "../log.ts";
import { createPages } from "../pages/pages.ts";
import { createReader } from "../pages/read.ts";
import { priorityOf } from "../run/priority.ts";
import { createRedactor } from "../secret/redact.ts";
import type { Secret } from "../secret/secret.ts";
import type { WebSettings } from "../settings.ts";
import { openSharedStore } from "../store/open-shared.ts";
import { addDelivery } from "../store/queries/deliveries.ts";

/**
 * The role "web": takes deliveries into the database and shows pages of it. It holds the webhook's secret and the database's address, and
 * nothing that could act on GitHub, ask the model or command an engine. As many as one likes, behind a balancer.
 */
export async function startWebApp(wish: {
  settings: WebSettings;
  version: string;
  logTo?: NodeJS.WritableStream;
}): Promise<AsyncDisposable & { url: string; port: number }> {
  const { settings, version } = wish;
  await using held = new AsyncDisposableStack();
  const { webhookSecret, oldWebhookSecret } = settings;
  const { url, password } = settings.database;
  const redactor = createRedactor({
    values: [webhookSecret, oldWebhookSecret, url, password].flatMap((secret) => secret?.reveal() ?? []),
  });
  const log = createLogger({ ...settings.log, redactor, ...(wish.logTo && { destination: wish.logTo }) });
  const { db, queue, changes } = held.use(
    await openSharedStore({ url, onError: (error) => log.error({ err: error }, "queue failed") }),
  );
  const closing = new AbortController();
  held.defer(() => closing.abort());
  const pages = createPages({
    // Whose disk is full is a worker's business: its words come by the check and the comment.
    reader: createReader({
      ...{ db, disk: { full: () => undefined }, changes, webUrl: settings.github.webUrl },
      ...{ line: { priorityOf: (repository) => priorityOf(settings.priorities, repository) }, nowMs: Date.now },
    }),
    publicUrl: settings.web.publicUrl,
    closing: closing.signal,
    health: async () => ({ ok: true, version }),
    onFault: (error) => log.error({ err: error }, "page failed"),
  });
  const serving = held.use(
    await serve({
      ...settings.web,
      webhookPath: settings.github.webhookPath,
      receiver: {
        verify: acceptEither({
          current: verifyWith(webhookSecret),
          former: oldWebhookSecret && verifyWith(oldWebhookSecret),
          tellFormer: () => log.warn("a delivery was signed with WEBHOOK_SECRET_OLD"),
        }),
        store: (delivery) => addDelivery(db, queue, delivery),
        nowMs: () => Date.now(),
        log,
      },
      pages,
      onFault: (error, path) => log.error({ err: error, path }, "request failed"),
    }),
  );
  log.info({ url: settings.web.publicUrl, role: "web" }, "ready");
  const kept = held.move();
  return { url: settings.web.publicUrl, port: serving.port, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function verifyWith(secret: Secret): Verify {
  return (body, signature) => verify(secret.reveal(), body, signature);
}
