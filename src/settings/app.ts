import { randomBytes } from "node:crypto";
import { Secret } from "../secret/secret.ts";
import type { Environment, Found } from "./environment.ts";
import { parsePrivateKey } from "./private-key.ts";
import { missing, read, wrong } from "./read.ts";
import type { AppSettings, Role } from "./shape.ts";

export function readApp(environment: Environment, role: Role = "all"): AppSettings | undefined {
  const id = read(environment, "APP_ID");
  const key = environment.findSecret("PRIVATE_KEY", ["PRIVATE_KEY_PATH"]);
  const webhookSecret = readWebhookSecret(environment);
  if (id === undefined) return undefined;
  if (!key) throw missing("PRIVATE_KEY");
  const privateKey = parsePrivateKey(key.text);
  if (!privateKey) throw wrong("PRIVATE_KEY", "holds no RSA private key in PEM form", key.name);
  // Probot falls back to a known secret where none is set: anyone could sign deliveries.
  if (!webhookSecret && role !== "worker" && read(environment, "WEBHOOK_POLL") !== true) throw missing("WEBHOOK_SECRET");
  // Nothing is taken by HTTP: a secret that nobody has keeps it so, whatever else should go wrong.
  if (!webhookSecret)
    return { id, privateKey: new Secret(privateKey), webhookSecret: new Secret(randomBytes(32).toString("hex")) };
  return { id, privateKey: new Secret(privateKey), webhookSecret, ...readOldWebhookSecret(environment) };
}

export function readWebhookSecret(environment: Environment): Secret | undefined {
  const found = environment.findSecret("WEBHOOK_SECRET");
  if (!found) return undefined;
  demandLong("WEBHOOK_SECRET", found);
  return new Secret(found.text);
}

/** The one from before, while it is being changed. */
export function readOldWebhookSecret(environment: Environment): Pick<AppSettings, "oldWebhookSecret"> {
  const old = environment.findSecret("WEBHOOK_SECRET_OLD");
  if (!old) return {};
  demandLong("WEBHOOK_SECRET_OLD", old);
  return { oldWebhookSecret: new Secret(old.text) };
}

function demandLong(name: string, secret: Found): void {
  if (secret.text.length < 12) throw wrong(name, "is too short to be a secret (12 characters at least)", secret.name);
}
