import { randomBytes } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { Fault } from "./fault.ts";
import { Secret } from "./secret/secret.ts";
import { pickChildEnvironment } from "./settings/child-environment.ts";
import { type Database, parseDatabaseUrl } from "./settings/database.ts";
import { type Environment, readEnvironment } from "./settings/environment.ts";
import { guide, notHonoured } from "./settings/guide.ts";
import { type Place, readPlace } from "./settings/place.ts";
import { parsePrivateKey } from "./settings/private-key.ts";
import { findRegisteredApp } from "./settings/registered.ts";
import { isLoopback, type Value, type ValueName, values } from "./settings/values.ts";

/** The App's identity, from the environment or from a registration made here. */
export interface AppSettings {
  id: number;
  /** PEM. */
  privateKey: Secret;
  webhookSecret: Secret;
}

export interface Settings {
  /** Undefined until APP_ID is set or the App was registered from here. */
  app: AppSettings | undefined;
  github: { host: string; protocol: "https" | "http"; apiUrl: string; webUrl: string; webhookPath: string };
  /** `only`: nothing is taken by HTTP, all deliveries are read from GitHub's log. */
  poll: { only: boolean; everyMs: number };
  web: { host: string; port: number /** AIRLOCK_URL, else http://host:port; without a slash at the end. */; publicUrl: string };
  model: {
    credential: { kind: "api-key" | "oauth-token"; value: Secret } | undefined;
    baseUrl: string;
    name: string | undefined;
    /** What the agent may use beside it. */
    smallName: string | undefined;
  };
  limits: {
    concurrency: number;
    deadlineMinutes: number;
    memoryBytes: number;
    cpus: number;
    processes: number;
    diskBytes: number;
    /** Files and folders on that disk. */
    diskFiles: number;
    outputBytes: number;
    stallMinutes: number;
    loopCalls: number;
    /** Of one run. Undefined: without limit. */
    budgetMicroUsd: number | undefined;
    budgetTokens: number | undefined;
    modelCallsAtOnce: number;
    modelCallsPerMinute: number;
  };
  publish: { ci: Value<"AIRLOCK_CI">; workflows: Value<"AIRLOCK_WORKFLOWS">; holdMs: number; releaseByOthers: boolean };
  /** How the sandboxes of new runs meet the network. */
  mode: "sealed" | "firewalled";
  /** The operator's sandbox image, FROM ours. */
  ownImage: string | undefined;
  /** A registry that is absent is closed. `newPackages`: names of one run beside those of its base. */
  registries: { upstreams: Partial<Record<"npm" | "pypi" | "crates" | "go", string>>; newPackages: number };
  data: Place;
  /** A PostgreSQL server for the rows, instead of the embedded store in the data folder. */
  database: Database | undefined;
  /** A proxy's address may hold a password. `extraCa`: absolute path of a PEM file. */
  proxy: { https: Secret | undefined; no: string | undefined; extraCa: string | undefined };
  log: { level: Value<"LOG_LEVEL">; format: "json" | "pretty" };
  /** Lower-case logins, or `id:N` for an account's numeric id. Undefined: nothing was said. */
  accounts: string[] | undefined;
}

/** What `start` needs on top: nothing is left out. */
export type CompleteSettings = Settings & {
  app: AppSettings;
  accounts: string[];
  model: { credential: NonNullable<Settings["model"]["credential"]> };
};

export interface SettingsSource {
  /** Defaults to the process's own. */
  env?: Record<string, string | undefined>;
  /** Where `.env` and relative paths are looked up. Defaults to the working folder. */
  cwd?: string;
  /** Beats AIRLOCK_DATA. */
  dataFolder?: string | undefined;
}

/**
 * Reads every setting. Throws Fault "settings.NAME" for the first one that is malformed or half given; what is wholly absent is
 * undefined (see `requireComplete`). `warnings`: one sentence for each name that is set and has no effect.
 */
export function readSettings(source: SettingsSource = {}): { settings: Settings; warnings: string[] } {
  const { environment, cwd } = open(source);
  const data = placeFrom(environment, source);
  const github = readGithub(environment);
  const registered = environment.find("APP_ID") ? undefined : findRegisteredApp(data.folder);
  const app = registered?.host === github.host ? registered : undefined;
  const credential = readCredential(environment);
  const host = read(environment, "HOST") ?? "localhost";
  const port = read(environment, "PORT") ?? 3000;

  const database = readDatabase(environment);

  const settings: Settings = {
    app: app
      ? { id: app.id, privateKey: new Secret(app.privateKey), webhookSecret: new Secret(app.webhookSecret) }
      : readApp(environment),
    github,
    poll: readPoll(environment),
    web: {
      host,
      port,
      publicUrl: read(environment, "AIRLOCK_URL") ?? `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    },
    model: {
      credential: credential.used,
      baseUrl: read(environment, "ANTHROPIC_BASE_URL") ?? "https://api.anthropic.com",
      name: read(environment, "AIRLOCK_MODEL"),
      smallName: read(environment, "AIRLOCK_SMALL_MODEL"),
    },
    limits: {
      concurrency: read(environment, "AIRLOCK_CONCURRENCY") ?? 2,
      deadlineMinutes: read(environment, "AIRLOCK_DEADLINE_MINUTES") ?? 60,
      memoryBytes: read(environment, "AIRLOCK_MEMORY") ?? 4 * 1024 ** 3,
      budgetMicroUsd: orNone(read(environment, "AIRLOCK_RUN_BUDGET_USD") ?? 10_000_000),
      budgetTokens: orNone(read(environment, "AIRLOCK_RUN_BUDGET_TOKENS") ?? "none"),
      modelCallsAtOnce: read(environment, "AIRLOCK_MODEL_PARALLEL") ?? 8,
      modelCallsPerMinute: read(environment, "AIRLOCK_MODEL_RATE") ?? 60,
      cpus: read(environment, "AIRLOCK_CPUS") ?? 2,
      processes: read(environment, "AIRLOCK_PIDS") ?? 1024,
      diskBytes: read(environment, "AIRLOCK_DISK") ?? 8 * 1024 ** 3,
      diskFiles: read(environment, "AIRLOCK_INODES") ?? 1_000_000,
      outputBytes: read(environment, "AIRLOCK_OUTPUT") ?? 64 * 1024 ** 2,
      stallMinutes: read(environment, "AIRLOCK_STALL_MINUTES") ?? 10,
      loopCalls: read(environment, "AIRLOCK_LOOP_CALLS") ?? 8,
    },
    publish: {
      ci: read(environment, "AIRLOCK_CI") ?? "hold",
      workflows: read(environment, "AIRLOCK_WORKFLOWS") ?? "refuse",
      holdMs: (read(environment, "AIRLOCK_HOLD_DAYS") ?? 7) * 24 * 3_600_000,
      releaseByOthers: read(environment, "AIRLOCK_RELEASE_BY_OTHERS") ?? false,
    },
    mode: read(environment, "AIRLOCK_MODE") ?? "sealed",
    ownImage: read(environment, "AIRLOCK_IMAGE"),
    registries: readRegistries(environment),
    data,
    database,
    proxy: readProxy(environment, cwd),
    log: { level: read(environment, "LOG_LEVEL") ?? "info", format: read(environment, "LOG_FORMAT") ?? "json" },
    accounts: read(environment, "AIRLOCK_ACCOUNTS") ?? (app ? [`id:${app.owner.id}`] : undefined),
  };
  const clear = database?.inTheClear
    ? ["DATABASE_URL reaches its server without TLS: add ?sslmode=verify-full, unless nobody else can read that network"]
    : [];
  return { settings, warnings: [...credential.warnings, ...clear, ...warningsOf(environment)] };
}

/** Only how GitHub is reached. Throws Fault "settings.NAME". */
export function readGitHubSettings(source: SettingsSource = {}): Pick<Settings, "github" | "proxy"> {
  const { environment, cwd } = open(source);
  return { github: readGithub(environment), proxy: readProxy(environment, cwd) };
}

/** What minting by hand needs: no webhook secret, no model. Throws Fault "settings.NAME". */
export async function readMintSettings(
  source: SettingsSource = {},
): Promise<{ appId: number; privateKey: Secret } & Pick<Settings, "github" | "proxy">> {
  const { environment } = open(source);
  const shared = readGitHubSettings(source);
  const appId = read(environment, "APP_ID");
  if (appId === undefined) {
    const registered = findRegisteredApp(placeFrom(environment, source).folder);
    if (registered?.host !== shared.github.host) throw missing("APP_ID");
    return { ...shared, appId: registered.id, privateKey: new Secret(registered.privateKey) };
  }
  const { readAppKey } = await import("./settings/app-key.ts");
  const privateKey = await readAppKey(environment, childEnvironment(source.env));
  if (!privateKey) throw missing("PRIVATE_KEY");
  return { ...shared, appId, privateKey };
}

/** Only where this Airlock lives: for commands that speak to a running one and need nothing else to be right. */
export function readPlaceSettings(source: SettingsSource = {}): Place {
  return placeFrom(open(source).environment, source);
}

/** The operator's own sandbox image, where one is named. Throws Fault "settings.AIRLOCK_IMAGE". */
export function readOwnImage(source: SettingsSource = {}): string | undefined {
  return read(open(source).environment, "AIRLOCK_IMAGE");
}

/** Throws Fault "settings.NAME" for the first setting that `start` cannot do without. */
export function requireComplete(settings: Settings): CompleteSettings {
  const { app, accounts, model } = settings;
  if (!app) throw missing("APP_ID");
  if (!accounts) throw missing("AIRLOCK_ACCOUNTS");
  if (!model.credential)
    throw new Fault("settings.ANTHROPIC_API_KEY", "neither ANTHROPIC_API_KEY nor CLAUDE_CODE_OAUTH_TOKEN is set", {
      remedy: `${guide.ANTHROPIC_API_KEY}`,
    });
  return { ...settings, app, accounts, model: { ...model, credential: model.credential } };
}

/** What a child process of ours may see of this environment. No secret is among it. */
export function childEnvironment(env: Record<string, string | undefined> = process.env): Record<string, string> {
  return pickChildEnvironment(env);
}

function open({ env = process.env, cwd = process.cwd() }: SettingsSource): { environment: Environment; cwd: string } {
  return { environment: readEnvironment(env, cwd), cwd };
}

function placeFrom(environment: Environment, { cwd = process.cwd(), dataFolder }: SettingsSource): Place {
  return readPlace(environment, {
    cwd,
    isRoot: process.getuid?.() === 0,
    ...(dataFolder === undefined ? {} : { folder: dataFolder }),
  });
}

function read<Name extends ValueName>(environment: Environment, name: Name): Value<Name> | undefined {
  const found = environment.find(name);
  if (!found) return undefined;
  const parsed = values[name].safeParse(found.text);
  if (parsed.success) return parsed.data as Value<Name>;
  throw wrong(name, parsed.error.issues[0]?.message ?? "cannot be understood");
}

function orNone(value: number | "none"): number | undefined {
  return value === "none" ? undefined : value;
}

function readGithub(environment: Environment): Settings["github"] {
  const host = read(environment, "GHE_HOST") ?? "github.com";
  const protocol = read(environment, "GHE_PROTOCOL") ?? "https";
  if (protocol === "http" && !isLoopback(host.replace(/:\d+$/, "")))
    throw wrong("GHE_PROTOCOL", "is http, which would send tokens in the clear");
  const webUrl = `${protocol}://${host}`;
  // GitHub's three layouts: github.com, data residency under ghe.com, Enterprise Server.
  const apiUrl = host === "github.com" || host.endsWith(".ghe.com") ? `${protocol}://api.${host}` : `${webUrl}/api/v3`;
  return { host, protocol, apiUrl, webUrl, webhookPath: read(environment, "WEBHOOK_PATH") ?? "/api/github/webhooks" };
}

/** Without polling the log is still looked at, for what was missed: seldom, since webhooks are there at once. */
function readPoll(environment: Environment): Settings["poll"] {
  const only = read(environment, "WEBHOOK_POLL") ?? false;
  return { only, everyMs: only ? (read(environment, "WEBHOOK_POLL_SECONDS") ?? 15) * 1_000 : 300_000 };
}

function readApp(environment: Environment): AppSettings | undefined {
  const id = read(environment, "APP_ID");
  const key = environment.findSecret("PRIVATE_KEY", ["PRIVATE_KEY_PATH"]);
  const webhookSecret = environment.findSecret("WEBHOOK_SECRET");
  if (id === undefined) return undefined;
  if (!key) throw missing("PRIVATE_KEY");
  const privateKey = parsePrivateKey(key.text);
  if (!privateKey) throw wrong("PRIVATE_KEY", "holds no RSA private key in PEM form", key.name);
  // Probot falls back to a known secret where none is set: anyone could sign deliveries.
  if (!webhookSecret && read(environment, "WEBHOOK_POLL") !== true) throw missing("WEBHOOK_SECRET");
  // Nothing is taken by HTTP: a secret that nobody has keeps it so, whatever else should go wrong.
  if (!webhookSecret)
    return { id, privateKey: new Secret(privateKey), webhookSecret: new Secret(randomBytes(32).toString("hex")) };
  if (webhookSecret.text.length < 12)
    throw wrong("WEBHOOK_SECRET", "is too short to be a secret (12 characters at least)", webhookSecret.name);
  return { id, privateKey: new Secret(privateKey), webhookSecret: new Secret(webhookSecret.text) };
}

function readRegistries(environment: Environment): Settings["registries"] {
  const given = {
    npm: read(environment, "AIRLOCK_REGISTRY_NPM") ?? "https://registry.npmjs.org",
    pypi: read(environment, "AIRLOCK_REGISTRY_PYPI") ?? "https://pypi.org",
    crates: read(environment, "AIRLOCK_REGISTRY_CRATES") ?? "https://index.crates.io",
    go: read(environment, "AIRLOCK_REGISTRY_GO") ?? "https://proxy.golang.org",
  };
  const upstreams = Object.fromEntries(Object.entries(given).filter(([, url]) => url !== "off"));
  return { upstreams, newPackages: read(environment, "AIRLOCK_NEW_PACKAGES") ?? 20 };
}

function readCredential(environment: Environment): { used: Settings["model"]["credential"]; warnings: string[] } {
  const [key, token] = (["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"] as const).map((name) => {
    const found = environment.findSecret(name);
    // It becomes a header: a line end or a space in it was pasted by mistake.
    if (found && !/^[\x21-\x7e]+$/.test(found.text))
      throw wrong(name, "holds a space, a line end or another character that no key has", found.name);
    return found;
  });
  if (key) {
    const warnings = token ? ["CLAUDE_CODE_OAUTH_TOKEN is set too and not used: ANTHROPIC_API_KEY goes first"] : [];
    return { used: { kind: "api-key", value: new Secret(key.text) }, warnings };
  }
  return { used: token && { kind: "oauth-token", value: new Secret(token.text) }, warnings: [] };
}

/** The address holds a password: it may stand in a file, DATABASE_URL_FILE. */
function readDatabase(environment: Environment): Database | undefined {
  const found = environment.findSecret("DATABASE_URL");
  if (!found) return undefined;
  const database = parseDatabaseUrl(found.text);
  if (!database) throw wrong("DATABASE_URL", "is no address such as postgres://user:password@host/database", found.name);
  return database;
}

function readProxy(environment: Environment, cwd: string): Settings["proxy"] {
  const https = read(environment, "HTTPS_PROXY");
  const extraCa = read(environment, "NODE_EXTRA_CA_CERTS");
  const path = extraCa && resolve(cwd, extraCa);
  try {
    if (path) accessSync(path, constants.R_OK);
  } catch {
    throw wrong("NODE_EXTRA_CA_CERTS", `names ${path}, which cannot be read`);
  }
  return { https: https === undefined ? undefined : new Secret(https), no: read(environment, "NO_PROXY"), extraCa: path };
}

function warningsOf(environment: Environment): string[] {
  const known = new Set<string>([...Object.keys(values), "AIRLOCK_DATA", "AIRLOCK_KEY_COMMAND", "AIRLOCK_KEY_KEYCHAIN"]);
  return environment.names().flatMap((name) => {
    if (!environment.find(name)) return [];
    if (name in notHonoured) return [`${name} has no effect: ${notHonoured[name]}`];
    return name.startsWith("AIRLOCK_") && !known.has(name) ? [`${name} is no setting of Airlock and has no effect`] : [];
  });
}

function missing(name: string): Fault {
  return new Fault(`settings.${name}`, `${name} is not set`, { remedy: `${guide[name]}` });
}

/** `given`: the name under which it was set, where that is another (PRIVATE_KEY_PATH). The value itself is never quoted. */
function wrong(name: string, what: string, given: string = name): Fault {
  return new Fault(`settings.${name}`, `${given} ${what}`, { remedy: `${guide[name]}` });
}

/** The whole environment, for commands that hand chosen parts of it to an App of their own. */
export function operatorEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
