import { resolve } from "node:path";
import { Fault } from "./fault.ts";
import { Secret } from "./secret/secret.ts";
import { readGithub, readPoll, readProxy, readWeb } from "./settings/addresses.ts";
import { readApp, readOldWebhookSecret } from "./settings/app.ts";
import { pickChildEnvironment } from "./settings/child-environment.ts";
import { type Database, readDatabase } from "./settings/database.ts";
import { guide } from "./settings/guide.ts";
import { readLimits } from "./settings/limits.ts";
import { readModel } from "./settings/model.ts";
import { readRegistries, readTunnelHosts } from "./settings/outward.ts";
import { warnOfLoose } from "./settings/paths.ts";
import type { Place } from "./settings/place.ts";
import { readPublish } from "./settings/publish.ts";
import { missing, orNone, read } from "./settings/read.ts";
import { findRegisteredApp } from "./settings/registered.ts";
import type { CompleteSettings, Settings, SettingsSource } from "./settings/shape.ts";
import { openSource, ownEnvironment, placeFrom } from "./settings/source.ts";
import { warningsOf } from "./settings/warnings.ts";

export { readMintSettings } from "./settings/mint.ts";
export type { AppSettings, CompleteSettings, Role, Settings, SettingsSource } from "./settings/shape.ts";
export { readWebSettings, type WebSettings } from "./settings/web.ts";

const dayMs = 24 * 3_600_000;

/**
 * Reads every setting. Throws Fault "settings.NAME" for the first one that is malformed or half given; what is wholly absent is
 * undefined (see `requireComplete`). `warnings`: one sentence for each name that is set and has no effect.
 */
export function readSettings(source: SettingsSource = {}): { settings: Settings; warnings: string[] } {
  const { environment, cwd } = openSource(source);
  const data = placeFrom(environment, source);
  const github = readGithub(environment);
  const registered = environment.find("APP_ID") ? undefined : findRegisteredApp(data.folder);
  const app = registered?.host === github.host ? registered : undefined;
  const { model, warnings } = readModel(environment);
  const database = readDatabase(environment);

  const settings: Settings = {
    app: app
      ? {
          ...{ id: app.id, privateKey: new Secret(app.privateKey), webhookSecret: new Secret(app.webhookSecret) },
          ...readOldWebhookSecret(environment),
        }
      : readApp(environment, source.role),
    github,
    poll: readPoll(environment),
    web: readWeb(environment),
    model,
    limits: readLimits(environment),
    publish: readPublish(environment),
    keep: {
      eventsMs: (read(environment, "AIRLOCK_KEEP_TRANSCRIPT_DAYS") ?? 30) * dayMs,
      evidenceMs: (read(environment, "AIRLOCK_KEEP_EVIDENCE_DAYS") ?? 400) * dayMs,
    },
    scale: {
      total: read(environment, "AIRLOCK_TOTAL_CONCURRENCY"),
      repository: read(environment, "AIRLOCK_REPOSITORY_CONCURRENCY"),
      priorities: read(environment, "AIRLOCK_PRIORITIES") ?? [],
      labels: [...new Set([...(read(environment, "AIRLOCK_LABELS") ?? []), ...(source.labels ?? [])])],
      takeoverMs: (read(environment, "AIRLOCK_TAKEOVER_SECONDS") ?? 120) * 1_000,
    },
    disk: {
      boundPercent: orNone(read(environment, "AIRLOCK_DISK_BOUND") ?? 85),
      codeMs: (read(environment, "AIRLOCK_KEEP_CODE_DAYS") ?? 30) * dayMs,
    },
    mode: read(environment, "AIRLOCK_MODE") ?? "sealed",
    runtime: read(environment, "AIRLOCK_RUNTIME") ?? "auto",
    ownImage: read(environment, "AIRLOCK_IMAGE"),
    registries: readRegistries(environment),
    tunnelHosts: readTunnelHosts(environment),
    data,
    database,
    proxy: readProxy(environment, cwd),
    log: { level: read(environment, "LOG_LEVEL") ?? "info", format: read(environment, "LOG_FORMAT") ?? "json" },
    accounts: read(environment, "AIRLOCK_ACCOUNTS") ?? (app ? [`id:${app.owner.id}`] : undefined),
  };
  const clear = database?.inTheClear
    ? ["DATABASE_URL reaches its server without TLS: add ?sslmode=verify-full, unless nobody else can read that network"]
    : [];
  const loose = warnOfLoose(settings.publish.paths);
  const former = settings.app?.oldWebhookSecret
    ? ["WEBHOOK_SECRET_OLD is set: deliveries that are signed with it are taken too, until you take it away"]
    : [];
  return { settings, warnings: [...warnings, ...clear, ...loose, ...former, ...warningsOf(environment)] };
}

/** Only how GitHub is reached. Throws Fault "settings.NAME". */
export function readGitHubSettings(source: SettingsSource = {}): Pick<Settings, "github" | "proxy"> {
  const { environment, cwd } = openSource(source);
  return { github: readGithub(environment), proxy: readProxy(environment, cwd) };
}

/** Only where this Airlock lives: for commands that speak to a running one and need nothing else to be right. */
export function readPlaceSettings(source: SettingsSource = {}): Place {
  return placeFrom(openSource(source).environment, source);
}

/** Only where the rows are; undefined: in the data folder. Throws Fault "settings.DATABASE_URL". */
export function readDatabaseSettings(source: SettingsSource = {}): Database | undefined {
  return readDatabase(openSource(source).environment);
}

/** The operator's own sandbox image, where one is named. Throws Fault "settings.AIRLOCK_IMAGE". */
export function readOwnImage(source: SettingsSource = {}): string | undefined {
  return read(openSource(source).environment, "AIRLOCK_IMAGE");
}

/** What shall keep sandboxes apart. Throws Fault "settings.AIRLOCK_RUNTIME". */
export function readRuntime(source: SettingsSource = {}): Settings["runtime"] {
  return read(openSource(source).environment, "AIRLOCK_RUNTIME") ?? "auto";
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
export function childEnvironment(env: Record<string, string | undefined> = ownEnvironment()): Record<string, string> {
  return pickChildEnvironment(env);
}

/** The same for what prepares the machine, with the proxy and the authorities that `.env` names. */
export function setupEnvironment(source: SettingsSource = {}): Record<string, string> {
  const { environment, cwd } = openSource(source);
  const named = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"].flatMap((name) => {
    const found = environment.find(name);
    return found ? [[name, found.text] as const] : [];
  });
  const extraCa = environment.find("NODE_EXTRA_CA_CERTS");
  return pickChildEnvironment({
    ...(source.env ?? ownEnvironment()),
    ...Object.fromEntries(named),
    ...(extraCa && { NODE_EXTRA_CA_CERTS: resolve(cwd, extraCa.text) }),
  });
}

/** The whole environment, for commands that hand chosen parts of it to an App of their own. */
export function operatorEnvironment(): Readonly<Record<string, string | undefined>> {
  return ownEnvironment();
}
