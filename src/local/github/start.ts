import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { type AddedRepository, type AddRepositoryOptions, addRepository, needRepository } from "./add-repository.ts";
import { type AddWorkflowRunOptions, addWorkflowRun } from "./add-workflow-run.ts";
import { createApi } from "./api.ts";
import { loadContract } from "./contract.ts";
import { type LocalState, readState } from "./control.ts";
import { createRepository } from "./create-repository.ts";
import { createFaults, type Faults } from "./faults.ts";
import { type Happening, happen } from "./happenings.ts";
import { announceInstallation, install, uninstall } from "./installations.ts";
import { createApp, makeKey } from "./manifest.ts";
import { createPeople, ensureOwner, type LocalUser, type PersonName, usualRoles } from "./people.ts";
import { seedFiles } from "./seed.ts";
import { createGitHubServer, type Witness } from "./server.ts";
import { createWorld, type Permissions, type WorkflowRun, type World } from "./state.ts";
import { createWebhooks } from "./webhooks.ts";

export interface LocalGitHubOptions {
  /** Holds the bare repositories, as OWNER/NAME.git. Repositories that are there already are kept. */
  folder: string;
  /** 0, the default: any free one. */
  port?: number;
  repository?: { owner: string; name: string; files: Record<string, string> };
  app?: { slug?: string; permissions?: Permissions; events?: string[]; webhookSecret?: string; webhookUrl?: string };
  /** Pay for the compiling of schemas now, not in the first requests: where times are measured. */
  warm?: boolean;
  /** Epoch milliseconds; for tests in which tokens grow old. */
  nowMs?: () => number;
  /** For tests that must do something at a named moment of a request. */
  witness?: Witness;
}

export interface LocalGitHub extends AsyncDisposable {
  /** http://127.0.0.1:PORT: pages, and git at /owner/name.git. */
  url: string;
  /** What GHE_HOST must be; GHE_PROTOCOL is http. */
  host: string;
  /** http://127.0.0.1:PORT/api/v3 */
  api: string;
  app: {
    id: number;
    slug: string;
    privateKey: string;
    webhookSecret: string;
    installationId: number;
    clientId: string;
    bot: { id: number; login: string };
  };
  users: Record<PersonName, LocalUser>;
  faults: Faults;
  /** Where the App's webhooks go from now on. The first time, it hears of its installation. */
  setWebhook(url: string): void;
  /** The owner makes the App another private key. Those that it has stay good. */
  addKey(): string;
  /** The owner deletes the key that the App was made with. */
  deleteFirstKey(): void;
  /** The owner takes the App away, and nobody tells it. */
  uninstall(): void;
  /** The maintainer does it, and whoever hears of it on GitHub hears of it. */
  happen(happening: Happening): Promise<void>;
  addRepository(options: AddRepositoryOptions): Promise<AddedRepository>;
  /** A completed run of GitHub Actions in "owner/name". */
  addWorkflowRun(fullName: string, wish: AddWorkflowRunOptions): Promise<WorkflowRun>;
  state(): LocalState;
  gitFolder(owner: string, name: string): string;
  /** When every webhook so far was answered or given up. */
  settled(): Promise<void>;
  close(): Promise<void>;
  /** The whole state, for tests that must look behind the API. */
  world: World;
}

const standardPermissions: Permissions = {
  metadata: "read",
  contents: "write",
  pull_requests: "write",
  issues: "write",
  checks: "write",
  actions: "read",
};
const standardEvents = [
  "issues",
  "issue_comment",
  "pull_request",
  "pull_request_review",
  "pull_request_review_comment",
  "check_run",
  "check_suite",
  "repository",
];

/** GitHub on loopback: real git, REST held to GitHub's own description, signed webhooks. */
export async function startLocalGitHub(options: LocalGitHubOptions): Promise<LocalGitHub> {
  const folder = resolve(options.folder);
  await mkdir(folder, { recursive: true });
  const world = createWorld({ url: "", folder, ...(options.nowMs ? { nowMs: options.nowMs } : {}) });
  const contract = loadContract();
  if (options.warm) contract.warm();
  const faults = createFaults(() => world.nowMs());
  const webhooks = createWebhooks(world, contract, faults);
  const users = createPeople(world);
  const sender = ensureOwner(world, users.maintainer.login);
  const server = createGitHubServer({
    ...{ world, faults, webhooks, person: sender, witness: options.witness },
    api: createApi({ world, contract, webhooks }),
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  world.url = `http://${host}`;

  const seed = options.repository ?? { owner: "acme", name: "shop", files: seedFiles };
  const owner = ensureOwner(world, seed.owner);
  const repository = await createRepository(world, { ...seed, owner, roles: usualRoles(world) });
  const slug = options.app?.slug ?? "airlock";
  const app = createApp(world, {
    name: slug,
    slug,
    owner,
    ...(options.app?.webhookSecret === undefined ? {} : { webhookSecret: options.app.webhookSecret }),
    permissions: options.app?.permissions ?? standardPermissions,
    events: options.app?.events ?? standardEvents,
  });
  const installation = install(world, { app, account: owner, repositories: [repository] });
  const setWebhook = (url: string): void => {
    const first = app.webhookUrl === undefined;
    app.webhookUrl = url;
    if (first)
      for (const each of world.installations.filter((candidate) => candidate.app === app))
        announceInstallation({ world, webhooks }, each, sender);
  };
  if (options.app?.webhookUrl !== undefined) setWebhook(options.app.webhookUrl);

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      server.close();
      server.closeAllConnections();
      await webhooks.close();
    })();
    return closing;
  };
  return {
    url: world.url,
    host,
    api: `${world.url}/api/v3`,
    app: {
      id: app.id,
      slug,
      privateKey: app.privateKey,
      webhookSecret: app.webhookSecret,
      installationId: installation.id,
      clientId: app.clientId,
      bot: { id: app.bot.id, login: app.bot.login },
    },
    users,
    faults,
    setWebhook,
    addKey() {
      const key = makeKey();
      app.otherKeys.push(key);
      return key;
    },
    deleteFirstKey() {
      app.privateKey = app.otherKeys.shift() ?? app.privateKey;
    },
    uninstall: () => uninstall(world, installation),
    happen: (happening) => happen({ world, webhooks }, happening, sender),
    addRepository: (request) => addRepository({ world, webhooks }, { request, app, sender }),
    addWorkflowRun: (fullName, wish) => addWorkflowRun(world, needRepository(world, fullName), wish),
    state: () => readState(world),
    gitFolder: (owner, name) => needRepository(world, `${owner}/${name}`).folder,
    settled: () => webhooks.settled(),
    close,
    world,
    [Symbol.asyncDispose]: close,
  };
}
