import { Fault } from "../fault.ts";
import type { PriorityRule } from "../run/priority.ts";
import { readGithub, readWeb } from "./addresses.ts";
import { readOldWebhookSecret, readWebhookSecret } from "./app.ts";
import { type Database, readDatabase } from "./database.ts";
import { guide } from "./guide.ts";
import { missing, read } from "./read.ts";
import type { AppSettings, Settings, SettingsSource } from "./shape.ts";
import { openSource } from "./source.ts";
import { warningsOf } from "./warnings.ts";

/** What a process has that takes deliveries and shows pages, and nothing else. */
export interface WebSettings extends Pick<Settings, "web" | "log">, Pick<AppSettings, "webhookSecret" | "oldWebhookSecret"> {
  database: Database;
  github: Pick<Settings["github"], "webUrl" | "webhookPath">;
  /** As the workers have them, or the page tells another place in the line than they give. */
  priorities: PriorityRule[];
}

/**
 * For the role "web": the webhook's secret and the database, no key. `warnings` names what is set and does not belong there. Throws Fault
 * "settings.NAME".
 */
export function readWebSettings(source: SettingsSource = {}): { settings: WebSettings; warnings: string[] } {
  const { environment } = openSource(source);
  const webhookSecret = readWebhookSecret(environment);
  const database = readDatabase(environment);
  if (!webhookSecret) throw missing("WEBHOOK_SECRET");
  if (!database)
    throw new Fault("settings.DATABASE_URL", "the role web needs DATABASE_URL: the embedded store belongs to one process", {
      remedy: `${guide.DATABASE_URL}`,
    });
  const keys = ["PRIVATE_KEY", "PRIVATE_KEY_PATH", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"];
  const warnings = keys
    .filter((name) => environment.find(name) ?? environment.find(`${name}_FILE`))
    .map((name) => `${name} is set and not read in the role web: take it away from there, so that nobody finds it`);
  const log = { level: read(environment, "LOG_LEVEL") ?? "info", format: read(environment, "LOG_FORMAT") ?? "json" } as const;
  const settings = {
    ...{ web: readWeb(environment), github: readGithub(environment), webhookSecret, database, log },
    priorities: read(environment, "AIRLOCK_PRIORITIES") ?? [],
    ...readOldWebhookSecret(environment),
  };
  return { settings, warnings: [...warnings, ...warningsOf(environment)] };
}
