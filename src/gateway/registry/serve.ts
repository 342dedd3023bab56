import type { IncomingMessage, ServerResponse } from "node:http";
import type { Outcome } from "../outcome.ts";
import { answerRefusal } from "../refusal.ts";
import { type FileCache, openFileCache } from "./cache.ts";
import { crateIndexPaths, cratesConfig, cratesUrl, parseSparseEntry } from "./crates.ts";
import { fits } from "./digest.ts";
import { type GoRequest, goModSum, goSumKey, goUrl, goZipSum } from "./go.ts";
import { createIndexes, type FoundIndex, type Indexes, type PackageIndex } from "./index.ts";
import { npmAccept, npmUrl, parsePackument } from "./npm.ts";
import { parseSimpleIndex, pypiAccept, pypiUrl } from "./pypi.ts";
import { parseRegistryTarget, type RegistryRequest } from "./request.ts";
import type { PackageScope } from "./scope.ts";
import type { RegistrySettings } from "./settings.ts";
import { openRegistryUpstream, type RegistryUpstream } from "./upstream.ts";

/** The package registries as one run sees them. One for the whole gateway; what a run may ask comes with each call. */
export interface Registries {
  settings: RegistrySettings;
  serve(call: RegistryCall): Promise<void>;
  close(): void;
}

export interface RegistryCall {
  request: IncomingMessage;
  response: ServerResponse;
  /** As received. */
  target: string;
  scope: PackageScope;
  outcome: Outcome;
}

const fileLimitBytes = 256 * 1024 * 1024;
const cacheLimitBytes = 4 * 1024 ** 3;
/** Files are held in memory while they are checked: so few at once in all, that a run cannot make the gateway swell. */
const filesAtOnce = 6;

export function openRegistries(
  settings: RegistrySettings,
  network: { proxyEnv?: Record<string, string>; extraCaPem?: string },
): Registries {
  const upstream = openRegistryUpstream(network);
  const parts: Parts = {
    upstream,
    indexes: createIndexes(upstream, () => Date.now()),
    cache: openFileCache(settings.cacheFolder, cacheLimitBytes),
    settings,
    turns: createTurns(filesAtOnce),
  };
  return { settings, serve: (call) => serve(parts, call), close: () => upstream.close() };
}

interface Parts {
  upstream: RegistryUpstream;
  indexes: Indexes;
  cache: FileCache;
  settings: RegistrySettings;
  turns: <T>(work: () => Promise<T>) => Promise<T>;
}

async function serve(parts: Parts, call: RegistryCall): Promise<void> {
  const parsed = parseRegistryTarget(call.target);
  if (!parsed.ok) return refuse(call, { status: 403, rule: parsed.rule, why: parsed.why });
  const { request } = parsed;
  const upstream = parts.settings.upstreams[request.of];
  if (!upstream) {
    const grant = `The operator opens it with AIRLOCK_REGISTRY_${request.of.toUpperCase()}`;
    return refuse(call, { status: 403, rule: "registry.off", why: `the ${request.of} registry is closed`, grant });
  }
  if (request.want === "config") return give(call, { contentType: "application/json", body: Buffer.from(cratesConfig) });
  const decision = call.scope.admit(request.of, request.name);
  if (decision === "over") {
    const { limit } = call.scope.counted;
    const why = `${request.name} is in no lock file or manifest of the base commit, and this run may ask for ${limit} new names at most`;
    const grant = "A person adds it to a lock file, or the operator raises AIRLOCK_NEW_PACKAGES";
    return refuse(call, { status: 403, rule: "registry.new-name-limit", why, grant });
  }
  call.outcome.rule = decision === "new" ? "registry.new-name" : "registry.known";
  if (request.of === "go") return serveGo(parts, { call, request, upstream });
  const found = await findIndex(parts, upstream, request);
  if (found.at !== "ok") return fail(call, found);
  if (request.want === "index") return give(call, found.index);
  const entry = found.index.files.get("file" in request ? request.file : request.version);
  if (!entry) return fail(call, { at: "status", status: 404 });
  await parts.turns(async () => {
    const kept = await parts.cache.find(entry.digest);
    if (kept) return give(call, { contentType: "application/octet-stream", body: kept });
    const fetched = await parts.upstream.fetch({ url: entry.url, accept: "*/*", limitBytes: fileLimitBytes });
    if (fetched.at !== "ok") return fail(call, fetched);
    if (!fits(fetched.bytes, entry.digest)) return refuseDigest(call, request.name);
    await parts.cache.put(entry.digest, fetched.bytes);
    return give(call, { contentType: "application/octet-stream", body: fetched.bytes });
  });
}

async function findIndex(
  { indexes }: Parts,
  upstream: string,
  request: Exclude<RegistryRequest, GoRequest | { want: "config" }>,
): Promise<FoundIndex> {
  const { name } = request;
  const key = `${request.of} ${name}`;
  if (request.of === "npm") {
    const parse = (bytes: Buffer) => parsePackument(upstream, name, bytes);
    return indexes.find({ key, url: npmUrl(upstream, name), accept: npmAccept, parse });
  }
  if (request.of === "pypi") {
    const parse = (bytes: Buffer) => parseSimpleIndex(upstream, name, bytes);
    return indexes.find({ key, url: pypiUrl(upstream, name), accept: pypiAccept, parse });
  }
  let found: FoundIndex = { at: "status", status: 404 };
  for (const path of request.want === "index" ? [request.path] : crateIndexPaths(name)) {
    const parse = (bytes: Buffer): PackageIndex | undefined => parseSparseEntry(upstream, name, bytes);
    found = await indexes.find({ key: `crates ${path}`, url: cratesUrl(upstream, path), accept: "text/plain", parse });
    if (found.at !== "status") break;
  }
  return found;
}

/** A module that go.sum names is checked against it; of others the proxy gives only what it already has. */
async function serveGo(parts: Parts, of: { call: RegistryCall; request: GoRequest; upstream: string }): Promise<void> {
  const { call, request, upstream } = of;
  const key = goSumKey(request);
  const sum = key && call.scope.findGoSum(key);
  const inSum =
    sum !== undefined ||
    (request.want === "info" &&
      [`${request.name}@${request.version}`, `${request.name}@${request.version}/go.mod`].some((k) => call.scope.findGoSum(k)));
  await parts.turns(async () => {
    const fetched = await parts.upstream.fetch({
      url: goUrl(upstream, request, inSum),
      accept: "*/*",
      limitBytes: fileLimitBytes,
    });
    if (fetched.at !== "ok") {
      if (fetched.at !== "status" || inSum) return fail(call, fetched);
      const why = `the module proxy does not already have ${request.name}, and go.sum of the base commit does not name it`;
      return refuse(call, { status: 404, rule: "registry.go-not-cached", why, grant: "A person adds it to go.sum" });
    }
    const seen =
      sum === undefined
        ? undefined
        : request.want === "mod"
          ? goModSum(fetched.bytes)
          : goZipSum(fetched.bytes, 4 * fileLimitBytes);
    if (sum !== undefined && seen !== sum) return refuseDigest(call, request.name);
    const contentType =
      request.want === "zip"
        ? "application/zip"
        : request.want === "info" || request.want === "latest"
          ? "application/json"
          : "text/plain";
    return give(call, { contentType, body: fetched.bytes });
  });
}

function give({ request, response, outcome }: RegistryCall, what: { contentType: string; body: Buffer }): void {
  if (response.destroyed) return;
  response.writeHead(200, { "content-type": what.contentType, "content-length": what.body.length });
  const body = request.method === "HEAD" ? undefined : what.body;
  outcome.bytesOut += body?.length ?? 0;
  response.end(body);
}

function fail(call: RegistryCall, found: Exclude<FoundIndex, { at: "ok" }>): void {
  const missing = found.at === "status" && (found.status === 404 || found.status === 410);
  if (missing) {
    const why = "the registry has no such package or file";
    return void answer(call, { status: 404, rule: call.outcome.rule, why, grant: "Look at its name and version" });
  }
  const told = {
    status: { rule: "registry.refused", why: "the registry did not answer as it should" },
    away: { rule: "registry.away", why: "the registry could not be reached" },
    "too-large": { rule: "registry.too-large", why: "the registry's answer is larger than Airlock takes" },
    malformed: { rule: "registry.malformed", why: "the registry's answer is not what it should be" },
  }[found.at];
  call.outcome.rule = told.rule;
  if (found.at === "too-large") call.outcome.verdict = "refused";
  answer(call, { status: 502, ...told, grant: "The operator looks at the registry and the network" });
}

function refuseDigest(call: RegistryCall, name: string): void {
  const why = `what the registry sent for ${name} does not have the digest that its index or the lock names`;
  refuse(call, { status: 502, rule: "registry.digest", why, grant: "Nothing allows it; a person looks at the registry" });
}

function refuse(call: RegistryCall, told: { status: number; rule: string; why: string; grant?: string }): void {
  call.outcome.verdict = "refused";
  call.outcome.rule = told.rule;
  answer(call, told);
}

function answer(call: RegistryCall, told: { status: number; rule: string; why: string; grant?: string }): void {
  if (!call.response.destroyed) call.outcome.bytesOut += answerRefusal(call.response, { ...told, close: false });
}

/** At most `most` at once; the rest wait in order. */
function createTurns(most: number): Parts["turns"] {
  let busy = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (busy >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else busy--;
    }
  };
}
