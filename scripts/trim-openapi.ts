/** Writes src/local/github/openapi.json: the part of GitHub's published OpenAPI description that the local GitHub speaks, structure only.
 *  How to run it again (the package unpacks to 385 MB, which is why it is no dependency):
 *
 *    cd "$(mktemp -d)" && npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-*.tgz
 *    node scripts/trim-openapi.ts THAT_FOLDER/package/generated/api.github.com.json
 */
import { readFile, writeFile } from "node:fs/promises";
import { operationIds, webhookNames } from "./openapi-selection.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

const version = "23.0.2";
/** Keys that hold prose or examples, and no structure. */
const prose = new Set([
  "description",
  "title",
  "summary",
  "example",
  "examples",
  "externalDocs",
  "tags",
  "deprecated",
  "default",
]);
/** Keys whose value maps free names (among them "title" and "description") onto schemas. */
const nameMaps = new Set([
  "properties",
  "patternProperties",
  "responses",
  "content",
  "paths",
  "schemas",
  "parameters",
  "headers",
]);

const source = process.argv[2];
if (source === undefined) {
  process.stderr.write("usage: node scripts/trim-openapi.ts path/to/generated/api.github.com.json\n");
  process.exit(2);
}
const description = JSON.parse(await readFile(source, "utf8")) as JsonObject;
const trimmed = trim(description);
const text = `${JSON.stringify(trimmed)}\n`;
await writeFile(new URL("../src/local/github/openapi.json", import.meta.url), text);
process.stdout.write(`${Object.keys(trimmed.paths as JsonObject).length} paths, ${Math.round(text.length / 1000)} kB\n`);

/** Keeps the selected operations, the selected webhooks' payloads and every component that these reach. */
function trim(whole: JsonObject): JsonObject {
  const paths = pickOperations(whole.paths as JsonObject);
  const webhooks = pickWebhooks(whole["x-webhooks"] as JsonObject);
  const components: Record<string, JsonObject> = {};
  const waiting: Json[] = [paths, webhooks];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const reference of findReferences(next)) {
      const [, , kind, name] = reference.split("/") as [string, string, string, string];
      components[kind] ??= {};
      if (name in components[kind]) continue;
      const component = withoutProse(((whole.components as JsonObject)[kind] as JsonObject)[name] as Json);
      components[kind][name] = component;
      waiting.push(component);
    }
  }
  const info = { source: "@octokit/openapi", version, file: "generated/api.github.com.json", license: "MIT" };
  return { openapi: whole.openapi as string, info, paths, webhooks, components };
}

function pickOperations(paths: JsonObject): JsonObject {
  const missing = new Set<string>(operationIds);
  const picked: JsonObject = {};
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods as JsonObject)) {
      const id = (operation as JsonObject).operationId as string;
      if (!missing.delete(id)) continue;
      if (id === "apps/list-installations") correctInstallations(operation as JsonObject);
      const { parameters = [], requestBody, responses } = withoutProse(operation as Json) as JsonObject;
      picked[path] = {
        ...(picked[path] as JsonObject),
        [method]: { operationId: id, parameters, ...(requestBody ? { requestBody } : {}), responses } as JsonObject,
      };
    }
  }
  if (missing.size > 0) throw new Error(`not in the description: ${[...missing].join(", ")}`);
  return picked;
}

/** The description's one mistake that we met: its list wants an installation's account to be a user *and* an enterprise. One installation,
 *  asked for by itself, is described rightly. */
function correctInstallations(operation: JsonObject): void {
  const answer = (operation.responses as JsonObject)["200"] as JsonObject;
  const json = (answer.content as JsonObject)["application/json"] as JsonObject;
  json.schema = { type: "array", items: { $ref: "#/components/schemas/installation" } };
}

function pickWebhooks(webhooks: JsonObject): JsonObject {
  const picked: JsonObject = {};
  for (const [published, name] of Object.entries(webhookNames)) {
    const operation = (webhooks[published] as JsonObject | undefined)?.post as JsonObject | undefined;
    if (operation === undefined) throw new Error(`not in the description: webhook ${published}`);
    const content = (operation.requestBody as JsonObject).content as JsonObject;
    picked[name] = withoutProse((content["application/json"] as JsonObject).schema as Json);
  }
  return picked;
}

function withoutProse(value: Json, names = false): Json {
  if (Array.isArray(value)) return value.map((item) => withoutProse(item));
  if (value === null || typeof value !== "object") return value;
  const kept: JsonObject = {};
  for (const [key, inner] of Object.entries(value)) {
    if (!names && (prose.has(key) || key.startsWith("x-"))) continue;
    kept[key] = withoutProse(inner, !names && nameMaps.has(key) && !Array.isArray(inner));
  }
  return names ? kept : withPlainNull(kept);
}

/** JSON Schema has no `nullable`; ajv understands it beside `type` only, and wants null among an enum's values. Other places get an alternative. */
function withPlainNull(schema: JsonObject): JsonObject {
  if (schema.nullable !== true) return schema;
  const { nullable, ...rest } = schema;
  const orNull: Json = { enum: [null] };
  if (Array.isArray(rest.enum) && !rest.enum.includes(null)) rest.enum = [...rest.enum, null];
  if (typeof rest.type === "string") return { ...rest, nullable };
  for (const key of ["anyOf", "oneOf"]) if (Array.isArray(rest[key])) return { ...rest, [key]: [...rest[key], orNull] };
  return Object.keys(rest).length === 0 ? {} : { anyOf: [rest, orNull] };
}

function findReferences(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(findReferences);
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "$ref" && typeof inner === "string" ? [inner] : findReferences(inner),
  );
}
