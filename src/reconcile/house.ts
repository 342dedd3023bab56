import type { Kysely } from "kysely";
import type { Logger } from "pino";
import type { Watchers } from "../agent/watch.ts";
import type { DiskKeeper } from "../disk/keeper.ts";
import type { Gateway } from "../gateway/client.ts";
import type { ModelPolicy } from "../gateway/model/policy.ts";
import type { GitHost } from "../git/client.ts";
import type { UpstreamNetwork } from "../git/upstream.ts";
import type { GitHubApp } from "../github/app.ts";
import type { Grants } from "../github/grant.ts";
import type { Accounts } from "../privilege/accounts.ts";
import type { PublishPolicy } from "../publish/examine.ts";
import type { Teller } from "../report/teller.ts";
import type { Cap } from "../run/cap.ts";
import type { RunLimits } from "../run/limits.ts";
import type { Engine } from "../sandbox/engine.ts";
import type { Helper } from "../sandbox/helper-checks.ts";
import type { RuntimeWish } from "../sandbox/isolation.ts";
import type { Reach } from "../sandbox/reach.ts";
import type { SandboxLimits } from "../sandbox/spec.ts";
import type { LineWish } from "../store/queries/slots.ts";
import type { Schema } from "../store/schema.ts";
import type { Recall } from "./recall.ts";
import type { Upkeep } from "./upkeep.ts";

/** Every part that steps work with, built once by wire.ts. Each step takes of it what its own file names. */
export interface House {
  db: Kysely<Schema>;
  engine: Engine;
  gateway: Gateway;
  git: GitHost;
  grants: Grants;
  recall: Recall;
  app: GitHubApp;
  teller: Teller;
  watchers: Watchers;
  upkeep: Upkeep;
  disk: DiskKeeper;
  accounts: Accounts;
  network: UpstreamNetwork;
  helpers: readonly Helper[];
  /** The engine's socket, the store, the keys. */
  secretPaths: readonly string[];
  log: Logger;

  instance: string;
  image: { id: string };
  /** What shall keep sandboxes apart from the host. */
  runtime: RuntimeWish;
  /** Folders of sockets: one for each run's door, one for transports. */
  runsFolder: string;
  transportFolder: string;
  /** "https://github.com" */
  webUrl: string;
  model: string;
  modelPolicy: ModelPolicy;
  /** What may be spent over all runs, and what a run's first call is reserved at the least. */
  caps: readonly Cap[];
  firstCallMicroUsd: number;
  memoryBytes: number;
  limits: Partial<SandboxLimits>;
  /** Of runs that begin from now on. */
  mode: "sealed" | "firewalled";
  reach: Reach;
  /** What a run may use at most; its repository may ask for less. */
  maximum: RunLimits;
  deadlineMs: number;
  /** How places are given, and for which machine. */
  line: LineWish;
  /** Names the model's credential, and does not tell it. */
  credential: string;
  publishing: PublishPolicy;

  redact(text: string): string;
  nowMs(): number;
}
