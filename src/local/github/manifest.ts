import { generateKeyPairSync, randomBytes } from "node:crypto";
import { notFound } from "./github-error.ts";
import { type Account, type App, type Permissions, timestamp, type World } from "./state.ts";
import { covers } from "./tokens.ts";
import { appEvents, eventPermissions } from "./webhooks.ts";

/** What a manifest may ask for (the part that the local GitHub heeds). */
export interface Manifest {
  name?: string;
  url?: string;
  redirect_url?: string;
  setup_url?: string;
  hook_attributes?: { url?: string; active?: boolean };
  default_permissions?: Permissions;
  default_events?: string[];
  public?: boolean;
}

export interface AppRequest {
  name: string;
  owner: Account;
  slug?: string;
  webhookSecret?: string;
  webhookUrl?: string | undefined;
  permissions: Permissions;
  events: string[];
}

const codeLifeMs = 3_600_000;

/** What GitHub would refuse a manifest for, in words; empty: nothing. */
export function findManifestProblems(world: World, manifest: Manifest): string[] {
  const problems: string[] = [];
  const permissions = manifest.default_permissions ?? {};
  if (!manifest.url) problems.push("url wasn't supplied");
  if (!manifest.redirect_url) problems.push("redirect_url wasn't supplied");
  const name = manifest.name ?? "";
  if (name.length > 34) problems.push("Name is too long (maximum is 34 characters)");
  if (world.apps.some(({ slug }) => slug === slugOf(name))) problems.push("Name is already taken");
  if (manifest.hook_attributes !== undefined && !URL.canParse(manifest.hook_attributes.url ?? ""))
    problems.push("Hook url is not valid");
  for (const [permission, level] of Object.entries(permissions))
    if (!["read", "write", "admin"].includes(level))
      problems.push(`Default permission records resource is not included in the list: ${permission}`);
  for (const event of manifest.default_events ?? []) {
    const needed = eventPermissions[event];
    if (needed === undefined || appEvents.includes(event)) problems.push(`Default events unsupported: ${event}`);
    else if (!covers({ metadata: "read", ...permissions }, needed, "read"))
      problems.push(`Default events are not supported by permissions: ${event}`);
  }
  return problems;
}

/** A code for an App that was just created: good for one hour, and once. */
export function mintManifestCode(world: World, app: App): string {
  const code = randomBytes(20).toString("hex");
  world.manifestCodes.set(code, { app, expiresAtMs: world.nowMs() + codeLifeMs });
  return code;
}

export function convertManifest(world: World, code: string): App {
  const found = world.manifestCodes.get(code);
  world.manifestCodes.delete(code);
  if (found === undefined || found.expiresAtMs <= world.nowMs()) throw notFound();
  return found.app;
}

export function createApp(world: World, request: AppRequest): App {
  const slug = request.slug ?? slugOf(request.name);
  const createdAt = timestamp(world.nowMs());
  const bot: Account = { id: world.nextId(), login: `${slug}[bot]`, type: "Bot", createdAt };
  const app: App = {
    id: world.nextId(),
    slug,
    name: request.name,
    clientId: `Iv23li${randomBytes(7).toString("hex")}`,
    clientSecret: randomBytes(20).toString("hex"),
    owner: request.owner,
    bot,
    privateKey: makeKey(),
    otherKeys: [],
    webhookSecret: request.webhookSecret ?? randomBytes(20).toString("hex"),
    webhookUrl: request.webhookUrl,
    permissions: { metadata: "read", ...request.permissions },
    events: request.events,
    createdAt,
  };
  world.accounts.push(bot);
  world.apps.push(app);
  return app;
}

/** A private key of an App, as PEM. */
export function makeKey(): string {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "pkcs1", format: "pem" },
  }).privateKey;
}

export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}
