import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { createApi } from "./api.ts";
import { loadContract } from "./contract.ts";
import { type LocalState, readState } from "./control.ts";
import { createRepository } from "./create-repository.ts";
import { createFaults, type Faults } from "./faults.ts";
import { announceAdded, announceInstallation, install } from "./installations.ts";
import { createApp } from "./manifest.ts";
import { findRepository } from "./permissions.ts";
import { seedFiles } from "./seed.ts";
import { createGitHubServer } from "./server.ts";
import { type Account, createWorld, type Permissions, type Repository, type Role, timestamp, type World } from "./state.ts";
import { createWebhooks, type Webhooks } from "./webhooks.ts";

export interface LocalGitHubOptions {
  /** Holds the bare repositories, as OWNER/NAME.git. Repositories that are there already are kept. */
  folder: string;
  /** 0, the default: any free one. */
  port?: number;
  repository?: { owner: string; name: string; files: Record<string, string> };
  app?: { slug?: string; permissions?: Permissions; events?: string[]; webhookSecret?: string; webhookUrl?: string };
  /** Epoch milliseconds; for tests in which tokens grow old. */
  nowMs?: () => number;
}

export interface LocalUser {
  login: string;
  id: number;
  /** A personal token: `Authorization: token X` for REST, the password for git. */
  token: string;
}

export interface AddRepositoryOptions {
  owner: string;
  name: string;
  files: Record<string, string>;
  private?: boolean;
  /** Whether the App is installed on it; so where absent. */
  installed?: boolean;
  /** "owner/name" of the repository that this one is a fork of. */
  forkOf?: string;
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
  users: Record<"maintainer" | "writer" | "triager" | "outsider", LocalUser>;
  faults: Faults;
  /** Where the App's webhooks go from now on. The first time, it hears of its installation. */
  setWebhook(url: string): void;
  addRepository(
    options: AddRepositoryOptions,
  ): Promise<{ id: number; owner: string; name: string; cloneUrl: string; folder: string }>;
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
];
const teamRoles: Record<string, Role> = { maintainer: "admin", writer: "write", triager: "triage" };

/** GitHub on loopback: real git, REST held to GitHub's own description, signed webhooks. */
export async function startLocalGitHub(options: LocalGitHubOptions): Promise<LocalGitHub> {
  const folder = resolve(options.folder);
  await mkdir(folder, { recursive: true });
  const world = createWorld({ url: "", folder, ...(options.nowMs ? { nowMs: options.nowMs } : {}) });
  const contract = loadContract();
  const faults = createFaults();
  const webhooks = createWebhooks(world, contract);
  const people = {
    maintainer: person(world, "maintainer"),
    writer: person(world, "writer"),
    triager: person(world, "triager"),
    outsider: person(world, "outsider"),
  };
  const sender = people.maintainer;
  const server = createGitHubServer({ world, faults, webhooks, person: sender, api: createApi({ world, contract, webhooks }) });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  world.url = `http://${host}`;

  const seed = options.repository ?? { owner: "acme", name: "shop", files: seedFiles };
  const owner = ensureOwner(world, seed.owner);
  const repository = await createRepository(world, { ...seed, owner, roles: rolesOf(world) });
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
    users: {
      maintainer: shown(people.maintainer),
      writer: shown(people.writer),
      triager: shown(people.triager),
      outsider: shown(people.outsider),
    },
    faults,
    setWebhook,
    addRepository: (request) => addRepository({ world, webhooks }, { request, app: world.apps[0] ?? app, sender }),
    state: () => readState(world),
    gitFolder: (ownerLogin, name) => findRepository(world, ownerLogin, name)?.folder ?? missing(ownerLogin, name),
    settled: () => webhooks.settled(),
    close,
    world,
    [Symbol.asyncDispose]: close,
  };
}

async function addRepository(
  parts: { world: World; webhooks: Webhooks },
  of: { request: AddRepositoryOptions; app: World["apps"][number]; sender: Account },
): ReturnType<LocalGitHub["addRepository"]> {
  const { world } = parts;
  const { request, app, sender } = of;
  const owner = ensureOwner(world, request.owner);
  const [parentOwner = "", parentName = ""] = (request.forkOf ?? "").split("/");
  const parent =
    request.forkOf === undefined
      ? undefined
      : (findRepository(world, parentOwner, parentName) ?? missing(parentOwner, parentName));
  const repository = await createRepository(world, {
    owner,
    name: request.name,
    files: request.files,
    private: request.private ?? false,
    ...(parent === undefined ? { roles: rolesOf(world) } : { parent }),
  });
  if (request.installed !== false) cover(parts, { app, owner, repository, sender });
  return {
    id: repository.id,
    owner: owner.login,
    name: repository.name,
    cloneUrl: `${world.url}/${owner.login}/${repository.name}.git`,
    folder: repository.folder,
  };
}

function cover(
  parts: { world: World; webhooks: Webhooks },
  of: { app: World["apps"][number]; owner: Account; repository: Repository; sender: Account },
): void {
  const { app, owner, repository, sender } = of;
  const known = parts.world.installations.find((installation) => installation.app === app && installation.account === owner);
  if (known === undefined) {
    announceInstallation(parts, install(parts.world, { app, account: owner, repositories: [repository] }), sender);
    return;
  }
  if (known.repositoryIds !== "all") known.repositoryIds.add(repository.id);
  announceAdded(parts, { installation: known, repository, sender });
}

function person(world: World, login: string): Account & { token: string } {
  const token = `ghp_${randomBytes(27).toString("hex").slice(0, 36)}`;
  const account = { id: world.nextId(), login, type: "User" as const, createdAt: timestamp(world.nowMs()), token };
  world.accounts.push(account);
  return account;
}

/** An owner that nobody knows yet is an organisation. */
function ensureOwner(world: World, login: string): Account {
  const known = world.accounts.find((account) => account.login.toLowerCase() === login.toLowerCase());
  if (known !== undefined) return known;
  const account: Account = { id: world.nextId(), login, type: "Organization", createdAt: timestamp(world.nowMs()) };
  world.accounts.push(account);
  return account;
}

function rolesOf(world: World): Map<number, Role> {
  const found = Object.entries(teamRoles).map(
    ([login, role]) => [world.accounts.find((account) => account.login === login)?.id ?? 0, role] as const,
  );
  return new Map(found);
}

function shown(account: Account & { token: string }): LocalUser {
  return { login: account.login, id: account.id, token: account.token };
}

function missing(owner: string, name: string): never {
  throw new Error(`the local GitHub has no repository ${owner}/${name}`);
}
