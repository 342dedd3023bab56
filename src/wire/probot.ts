import type { Logger } from "pino";
import { Probot } from "probot";
import { acceptEither, type Verify } from "../delivery/signature.ts";
import type { Secret } from "../secret/secret.ts";
import type { AppSettings } from "../settings.ts";
import { loadTriggers } from "../trigger/app.ts";
import type { TriggerParts } from "../trigger/handle.ts";

/** Probot with what Airlock does at each event, and the check of signatures by the webhook's secret, or for a while by the one before it. */
export async function createProbot(of: {
  app: AppSettings;
  triggers: TriggerParts;
  log: Logger;
}): Promise<{ probot: Probot; verify: Verify }> {
  const { app, triggers, log } = of;
  const probotWith = async (secret: Secret) => {
    const made = new Probot({
      appId: app.id,
      privateKey: app.privateKey.reveal(),
      secret: secret.reveal(),
      log: log as never,
    });
    await made.ready();
    return made;
  };
  const probot = await probotWith(app.webhookSecret);
  // Only for what it can verify.
  const former = app.oldWebhookSecret && (await probotWith(app.oldWebhookSecret));
  await probot.load(loadTriggers(triggers, (id, note) => log.info({ delivery: id, note }, "delivery handled")));
  const verify = acceptEither({
    current: (body, signature) => probot.webhooks.verify(body, signature),
    former: former && ((body, signature) => former.webhooks.verify(body, signature)),
    tellFormer: () => log.warn("a delivery was signed with WEBHOOK_SECRET_OLD, which is still needed"),
  });
  return { probot, verify };
}
