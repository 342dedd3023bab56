import type { Cap } from "../run/cap.ts";
import type { RunLimits } from "../run/limits.ts";
import type { PathRule } from "../run/path-rule.ts";
import type { PriorityRule } from "../run/priority.ts";
import type { Secret } from "../secret/secret.ts";
import type { Database } from "./database.ts";
import type { Place } from "./place.ts";
import type { Value } from "./values.ts";

/** The App's identity, from the environment or from a registration made here. */
export interface AppSettings {
  id: number;
  /** PEM. */
  privateKey: Secret;
  webhookSecret: Secret;
  /** What it has replaced, while deliveries are still signed with that. */
  oldWebhookSecret?: Secret;
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
  /** What one run may use at most: its repository may lower each of these; and what all of them may. */
  limits: RunLimits & {
    concurrency: number;
    /** Over all runs: of a repository, of a person, of this Airlock. Empty: without limit. */
    caps: readonly Cap[];
    modelCallsAtOnce: number;
    modelCallsPerMinute: number;
  };
  publish: {
    ci: Value<"AIRLOCK_CI">;
    workflows: Value<"AIRLOCK_WORKFLOWS">;
    paths: PathRule[];
    holdMs: number;
    releaseByOthers: boolean;
  };
  /** How long what is only looked back at is kept after a run's end, in milliseconds. */
  keep: { eventsMs: number; evidenceMs: number };
  /** How machines that share a database share the work. `total`, `repository`: places; undefined: without limit. */
  scale: {
    total: number | undefined;
    repository: number | undefined;
    priorities: PriorityRule[];
    /** Of this machine. */
    labels: string[];
    takeoverMs: number;
  };
  /** From how much on no run begins. `codeMs`: how long what was fetched of a repository is kept after its last use. */
  disk: { boundPercent: number | undefined; codeMs: number };
  /** How the sandboxes of new runs meet the network. */
  mode: "sealed" | "firewalled";
  /** Which of the engine's runtimes keeps sandboxes. */
  runtime: Value<"AIRLOCK_RUNTIME">;
  /** The operator's sandbox image, FROM ours. */
  ownImage: string | undefined;
  /** A registry that is absent is closed. `newPackages`: names of one run beside those of its base. */
  registries: { upstreams: Partial<Record<"npm" | "pypi" | "crates" | "go", string>>; newPackages: number };
  /** Hosts that runs may open TLS tunnels to, in canonical form. Empty: none. */
  tunnelHosts: readonly string[];
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
  /** Beside AIRLOCK_LABELS. */
  labels?: readonly string[];
  /** A worker takes no deliveries by HTTP, and needs no secret for them. */
  role?: Role;
}

/** What one process of several does: takes deliveries and shows pages, does the work, or both. */
export type Role = "all" | "web" | "worker";
