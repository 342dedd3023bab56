import { type Call, number, type Reply, type Routes } from "../call.ts";
import { GitHubError, notFound } from "../github-error.ts";
import type { Delivery } from "../state.ts";
import { appOf } from "./apps.ts";

/** The App's delivery log and webhook settings. */
export const deliveryRoutes: Routes = {
  "apps/list-webhook-deliveries": { by: "app", answer: list },
  "apps/get-webhook-delivery": { by: "app", answer: (call) => ({ status: 200, json: renderDelivery(find(call)) }) },
  "apps/redeliver-webhook-delivery": {
    by: "app",
    answer: (call) => {
      call.webhooks.redeliver(find(call));
      return { status: 202, json: {} };
    },
  },
  "apps/get-webhook-config-for-app": { by: "app", answer: (call) => ({ status: 200, json: renderConfig(call) }) },
  "apps/update-webhook-config-for-app": {
    by: "app",
    answer: (call) => {
      const { url, secret } = call.body as { url?: string; secret?: string };
      const app = appOf(call);
      if (url !== undefined) app.webhookUrl = url;
      if (secret !== undefined) app.webhookSecret = secret;
      return { status: 200, json: renderConfig(call) };
    },
  },
};

function renderConfig(call: Call): Record<string, unknown> {
  const app = appOf(call);
  return { content_type: "json", insecure_ssl: "0", secret: "********", ...(app.webhookUrl ? { url: app.webhookUrl } : {}) };
}

/** Newest first; the cursor is opaque to callers: ours is the id of the last one shown. */
function list(call: Call): Reply {
  const perPage = Math.min(Number(call.params.per_page ?? 30), 100);
  const cursor = call.params.cursor === undefined ? undefined : Number(String(call.params.cursor).replace(/^v1_/, ""));
  if (Number.isNaN(cursor)) throw new GitHubError(422, "Invalid cursor");
  const wanted = call.params.status;
  const all = call.world.deliveries
    .filter(({ app }) => app === appOf(call))
    .filter(({ statusCode }) => wanted === undefined || (wanted === "success") === (statusCode >= 200 && statusCode < 400))
    .toReversed();
  const from = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
  const shown = all.slice(from, from + perPage);
  const last = shown.at(-1);
  if (last === undefined || from + perPage >= all.length) return { status: 200, json: shown.map(renderItem) };
  const next = new URL(call.address);
  next.searchParams.set("cursor", `v1_${last.id}`);
  return { status: 200, json: shown.map(renderItem), headers: { link: `<${next.href}>; rel="next"` } };
}

function find(call: Call): Delivery {
  const found = call.world.deliveries.find(({ id, app }) => id === number(call, "delivery_id") && app === appOf(call));
  if (found === undefined) throw notFound();
  return found;
}

function renderItem(delivery: Delivery): Record<string, unknown> {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: delivery.deliveredAt,
    redelivery: delivery.redelivery,
    duration: delivery.duration,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    throttled_at: null,
  };
}

function renderDelivery(delivery: Delivery): Record<string, unknown> {
  return {
    ...renderItem(delivery),
    url: delivery.url,
    request: delivery.request,
    response: delivery.response ?? { headers: null, payload: null },
  };
}
