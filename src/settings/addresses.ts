import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { Secret } from "../secret/secret.ts";
import type { Environment } from "./environment.ts";
import { read, wrong } from "./read.ts";
import type { Settings } from "./shape.ts";
import { isLoopback } from "./values.ts";

export function readGithub(environment: Environment): Settings["github"] {
  const host = read(environment, "GHE_HOST") ?? "github.com";
  const protocol = read(environment, "GHE_PROTOCOL") ?? "https";
  if (protocol === "http" && !isLoopback(host.replace(/:\d+$/, "")))
    throw wrong("GHE_PROTOCOL", "is http, which would send tokens in the clear");
  const webUrl = `${protocol}://${host}`;
  // GitHub's three layouts: github.com, data residency under ghe.com, Enterprise Server.
  const apiUrl = host === "github.com" || host.endsWith(".ghe.com") ? `${protocol}://api.${host}` : `${webUrl}/api/v3`;
  return { host, protocol, apiUrl, webUrl, webhookPath: read(environment, "WEBHOOK_PATH") ?? "/api/github/webhooks" };
}

export function readWeb(environment: Environment): Settings["web"] {
  const host = read(environment, "HOST") ?? "localhost";
  const port = read(environment, "PORT") ?? 3000;
  const publicUrl = read(environment, "AIRLOCK_URL") ?? `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { host, port, publicUrl };
}

/** Without polling the log is still looked at, for what was missed: seldom, since webhooks are there at once. */
export function readPoll(environment: Environment): Settings["poll"] {
  const only = read(environment, "WEBHOOK_POLL") ?? false;
  return { only, everyMs: only ? (read(environment, "WEBHOOK_POLL_SECONDS") ?? 15) * 1_000 : 300_000 };
}

export function readProxy(environment: Environment, cwd: string): Settings["proxy"] {
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
