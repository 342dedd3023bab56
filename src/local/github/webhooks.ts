import { createHmac, randomUUID } from "node:crypto";
import type { Contract } from "./contract.ts";
import type { Faults } from "./faults.ts";
import { renderUser } from "./render/accounts.ts";
import { renderRepository } from "./render/repositories.ts";
import {
  type Account,
  type App,
  type Delivery,
  type Installation,
  nodeId,
  type Repository,
  timestamp,
  type World,
} from "./state.ts";
import { covers, isCovered } from "./tokens.ts";

/** Which permission an App needs to hear of an event; "" where none is needed. Events that are not here can't be subscribed to. */
export const eventPermissions: Record<string, string> = {
  issues: "issues",
  issue_comment: "issues",
  label: "issues",
  pull_request: "pull_requests",
  pull_request_review: "pull_requests",
  pull_request_review_comment: "pull_requests",
  check_run: "checks",
  check_suite: "checks",
  push: "contents",
  create: "contents",
  delete: "contents",
  repository: "metadata",
};

/** Always delivered, and for that reason never subscribed to. */
export const appEvents: readonly string[] = [
  "installation",
  "installation_repositories",
  "installation_target",
  "github_app_authorization",
];

export interface Announcement {
  event: string;
  action: string | null;
  /** What lies between `action` and `repository`. */
  payload: Record<string, unknown>;
  repository?: Repository;
  sender: Account;
  /** Only this App hears of it. */
  only?: App;
  installation?: Installation;
}

export interface Webhooks {
  announce(announcement: Announcement): void;
  redeliver(delivery: Delivery): void;
  /** Resolves when everything that was announced has been answered or given up. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** GitHub gives up on a delivery after ten seconds. */
const limitMs = 10_000;

export function createWebhooks(world: World, contract: Contract, faults: Faults): Webhooks {
  const closing = new AbortController();
  let queue = Promise.resolve();
  const send = (delivery: Delivery, secret: string): void => {
    const path = delivery.action === null ? `/${delivery.event}` : `/${delivery.event}.${delivery.action}`;
    const fault = faults.take({ method: "WEBHOOK", path });
    if (fault?.lost) return;
    if (fault?.status !== undefined) {
      note(world, delivery, fault.status);
      return;
    }
    queue = queue.then(() => (closing.signal.aborted ? undefined : deliver({ world, delivery, secret, signal: closing.signal })));
  };
  return {
    announce: (announcement) => {
      for (const { app, installation } of listenersOf(world, announcement)) {
        const delivery = buildDelivery(world, { announcement, app, installation });
        const name = announcement.action === null ? announcement.event : `${announcement.event}.${announcement.action}`;
        const problem = contract.problemOfWebhook(name, delivery.request.payload);
        if (problem !== undefined)
          world.invalidResponses.push({ where: `webhook ${name}`, problem: `${problem.field} ${problem.message}` });
        if (app.webhookUrl !== undefined) send(delivery, app.webhookSecret);
      }
    },
    redeliver: (delivery) => {
      const again: Delivery = {
        ...delivery,
        id: world.nextDeliveryId(),
        redelivery: true,
        url: delivery.app.webhookUrl ?? delivery.url,
      };
      send(again, delivery.app.webhookSecret);
    },
    settled: async () => {
      let seen: Promise<void> | undefined;
      while (seen !== queue) {
        seen = queue;
        await seen;
      }
    },
    close: async () => {
      closing.abort();
      await queue;
    },
  };
}

function listenersOf(world: World, announcement: Announcement): { app: App; installation: Installation | undefined }[] {
  // What happens to an installation is told to its App even where it is suspended or gone.
  const own = announcement.installation;
  if (own !== undefined && appEvents.includes(announcement.event)) return [{ app: own.app, installation: own }];
  return world.installations
    .filter((installation) => own === undefined || own === installation)
    .filter(({ app }) => announcement.only === undefined || announcement.only === app)
    .filter((installation) => announcement.repository === undefined || isCovered(installation, announcement.repository))
    .filter((installation) => installation.suspendedAt === null && hears(installation, announcement.event))
    .map((installation) => ({ app: installation.app, installation }));
}

function hears(installation: Installation, event: string): boolean {
  if (appEvents.includes(event)) return true;
  const permission = eventPermissions[event];
  return installation.events.includes(event) && permission !== undefined && covers(installation.permissions, permission, "read");
}

function buildDelivery(
  world: World,
  of: { announcement: Announcement; app: App; installation: Installation | undefined },
): Delivery {
  const { announcement, app, installation } = of;
  const { event, action, repository, sender } = announcement;
  const payload = {
    ...(action === null ? {} : { action }),
    ...announcement.payload,
    ...(repository ? { repository: renderRepository(world, repository) } : {}),
    ...(repository?.owner.type === "Organization" ? { organization: renderOrganization(world, repository.owner) } : {}),
    sender: renderUser(world, sender),
    ...(installation && !("installation" in announcement.payload)
      ? { installation: { id: installation.id, node_id: nodeId("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u", installation.id) } }
      : {}),
  };
  const guid = randomUUID();
  return {
    id: world.nextDeliveryId(),
    guid,
    app,
    event,
    action,
    installationId: installation?.id ?? null,
    repositoryId: repository?.id ?? null,
    url: app.webhookUrl ?? "",
    deliveredAt: timestamp(world.nowMs()),
    redelivery: false,
    duration: 0,
    status: "pending",
    statusCode: 0,
    request: {
      headers: {
        Accept: "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/local",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": String(app.id),
        "X-GitHub-Hook-Installation-Target-ID": String(app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
      },
      payload,
    },
    response: undefined,
  };
}

function renderOrganization(world: World, owner: Account): Record<string, unknown> {
  const url = `${world.url}/api/v3/orgs/${owner.login}`;
  return {
    login: owner.login,
    id: owner.id,
    node_id: nodeId("O", owner.id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${world.url}/avatars/${owner.id}`,
    description: "",
  };
}

/** GitHub's log says that this was the answer, and nobody was asked. */
function note(world: World, delivery: Delivery, status: number): void {
  delivery.statusCode = status;
  delivery.status = status === 0 ? "failed to connect to host" : status < 400 ? "OK" : `Invalid HTTP Response: ${status}`;
  world.deliveries.push(delivery);
}

async function deliver(job: { world: World; delivery: Delivery; secret: string; signal: AbortSignal }): Promise<void> {
  const { world, delivery, secret } = job;
  const body = JSON.stringify(delivery.request.payload);
  const sign = (algorithm: string): string => `${algorithm}=${createHmac(algorithm, secret).update(body).digest("hex")}`;
  delivery.request.headers["X-Hub-Signature"] = sign("sha1");
  delivery.request.headers["X-Hub-Signature-256"] = sign("sha256");
  const startedMs = world.nowMs();
  try {
    const answer = await fetch(delivery.url, {
      method: "POST",
      headers: delivery.request.headers,
      body,
      redirect: "manual",
      signal: AbortSignal.any([job.signal, AbortSignal.timeout(limitMs)]),
    });
    delivery.statusCode = answer.status;
    delivery.status = answer.status < 400 ? "OK" : `Invalid HTTP Response: ${answer.status}`;
    delivery.response = { headers: Object.fromEntries(answer.headers), payload: (await answer.text()).slice(0, 10_000) };
  } catch (error) {
    // GitHub logs a delivery that nobody answered the same way: it is the receiver's to ask for it again.
    delivery.status = error instanceof DOMException && error.name === "TimeoutError" ? "timed out" : "failed to connect to host";
  }
  delivery.duration = (world.nowMs() - startedMs) / 1000;
  delivery.deliveredAt = timestamp(world.nowMs());
  world.deliveries.push(delivery);
}
