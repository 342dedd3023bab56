import type { Call, Reply, Routes } from "../call.ts";
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

/** GitHub keeps deliveries for three days (an Enterprise Server for seven). */
const keptMs = 3 * 24 * 3_600_000;

function logOf(call: Call): Delivery[] {
  const app = appOf(call);
  const sinceMs = call.world.nowMs() - keptMs;
  return call.world.deliveries.filter((each) => each.app === app && Date.parse(each.deliveredAt) >= sinceMs);
}

/** Newest first; the cursor is opaque to callers: ours is the id of the last one shown. */
function list(call: Call): Reply {
  const perPage = Math.min(Number(call.params.per_page ?? 30), 100);
  const cursor = call.params.cursor === undefined ? undefined : /^v1_(\d+)$/.exec(String(call.params.cursor))?.[1];
  if (call.params.cursor !== undefined && cursor === undefined) throw new GitHubError(422, "Invalid cursor");
  const wanted = call.params.status;
  const all = logOf(call)
    .filter(({ statusCode }) => wanted === undefined || (wanted === "success") === (statusCode >= 200 && statusCode < 400))
    .toReversed();
  const from = cursor === undefined ? 0 : all.findIndex(({ id }) => String(id) === cursor) + 1;
  const shown = all.slice(from, from + perPage);
  const last = shown.at(-1);
  if (last === undefined || from + perPage >= all.length) return { status: 200, json: shown.map(renderItem) };
  const next = new URL(call.address);
  next.searchParams.set("cursor", `v1_${last.id}`);
  return { status: 200, json: shown.map(renderItem), headers: { link: `<${next.href}>; rel="next"` } };
}

function find(call: Call): Delivery {
  // Not from the parameters: as a number it would have lost its last digits.
  const wanted = /\/deliveries\/(\d+)/.exec(call.address.pathname)?.[1];
  const found = logOf(call).find(({ id }) => String(id) === wanted);
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
