import { readFileSync } from "node:fs";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";

/** GitHub's published OpenAPI description, trimmed by scripts/trim-openapi.ts to the operations that the local GitHub speaks. */
export interface Contract {
  /** Finds the operation for a method and a path below /api/v3, with the path's parameters as sent. Undefined: GitHub (as trimmed) has none. */
  match(method: string, path: string): { operation: Operation; params: Record<string, string> } | undefined;
  /** Undefined where the body is right, else what is wrong with it. */
  problemOfBody(operation: Operation, body: unknown): Problem | undefined;
  /** Gives the parameters the declared types, in place, and says what is wrong with them. */
  problemOfParams(operation: Operation, params: Record<string, unknown>): Problem | undefined;
  /** An answer's status must be described for the operation, and its body have the described shape. Error statuses may be undescribed. */
  problemOfResponse(operation: Operation, status: number, json: unknown): Problem | undefined;
  problemOfWebhook(name: string, payload: unknown): Problem | undefined;
  operationIds(): string[];
  /** Compiles what would be compiled at first use: about 700 ms at once instead of 10 to 30 in a request. */
  warm(): void;
}

export interface Operation {
  id: string;
  method: string;
  template: string;
  bodyRequired: boolean;
  hasBody: boolean;
  parameters: Parameter[];
  responses: Record<string, Described>;
}

export interface Problem {
  /** Dotted: "output.title"; empty for the whole. */
  field: string;
  message: string;
}

interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  schema: { type?: string };
}

interface Described {
  $ref?: string;
  content?: Record<string, unknown>;
}

interface Description {
  paths: Record<
    string,
    Record<string, Omit<Operation, "id"> & { operationId: string; requestBody?: { required?: boolean; content?: unknown } }>
  >;
  webhooks: Record<string, unknown>;
  components: { parameters: Record<string, Parameter>; responses: Record<string, Described> };
}

/** These may hold slashes. */
const greedy = new Set(["path", "ref", "basehead", "branch"]);

export function loadContract(): Contract {
  const description = JSON.parse(readFileSync(new URL("openapi.json", import.meta.url), "utf8")) as Description;
  // Schemas are compiled when they are first needed; without optimising and inlining that takes a few milliseconds each.
  const ajv = new Ajv({ strict: false, code: { optimize: false }, inlineRefs: false, formats });
  const coercing = new Ajv({ strict: false, coerceTypes: "array", formats });
  ajv.addSchema(description, "github");
  const compiled = new Map<string, ValidateFunction>();
  const table = buildTable(description);
  const byPointer = (pointer: string): ValidateFunction => {
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: `github#/${pointer}` });
    compiled.set(pointer, known);
    return known;
  };
  return {
    match: (method, path) => {
      for (const { operation, shape } of table) {
        if (operation.method !== method) continue;
        const found = shape.exec(path);
        if (found) return { operation, params: decoded(found.groups ?? {}) };
      }
      return undefined;
    },
    problemOfBody: (operation, body) =>
      operation.hasBody
        ? problemOf(byPointer(`${pointerOf(operation)}/requestBody/content/application~1json/schema`), body)
        : undefined,
    problemOfParams: (operation, params) => {
      const key = `params ${operation.id}`;
      const validate = compiled.get(key) ?? coercing.compile(paramsSchema(operation));
      compiled.set(key, validate);
      return problemOf(validate, params);
    },
    problemOfResponse: (operation, status, json) => {
      const described = operation.responses[String(status)];
      if (described === undefined) return status < 400 ? { field: "", message: `status ${status} is not described` } : undefined;
      const content = described.$ref
        ? description.components.responses[described.$ref.split("/").at(-1) ?? ""]?.content
        : described.content;
      if (content?.["application/json"] === undefined)
        return json === undefined || status >= 300 ? undefined : { field: "", message: `a body is not described for ${status}` };
      const at = described.$ref ? described.$ref.slice(2) : `${pointerOf(operation)}/responses/${status}`;
      return problemOf(byPointer(`${at}/content/application~1json/schema`), json);
    },
    problemOfWebhook: (name, payload) =>
      name in description.webhooks
        ? problemOf(byPointer(`webhooks/${name}`), payload)
        : { field: "", message: `the webhook ${name} is not described` },
    operationIds: () => table.map(({ operation }) => operation.id),
    warm: () => {
      for (const { operation } of table) {
        if (operation.hasBody) byPointer(`${pointerOf(operation)}/requestBody/content/application~1json/schema`);
        for (const [status, { content }] of Object.entries(operation.responses))
          if (content?.["application/json"])
            byPointer(`${pointerOf(operation)}/responses/${status}/content/application~1json/schema`);
      }
      for (const name of Object.keys(description.webhooks)) byPointer(`webhooks/${name}`);
    },
  };
}

const formats = {
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  uri: (value: string) => URL.canParse(value),
  email: /^[^@\s]+@[^@\s]+$/,
  "uri-template": true,
  int64: true,
  int32: true,
  timestamp: true,
  hostname: true,
  ipv4: true,
  ipv6: true,
  "repo.nwo": true,
  double: true,
  float: true,
} as const;

function buildTable(description: Description): { operation: Operation; shape: RegExp }[] {
  const table = Object.entries(description.paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, { operationId, requestBody, parameters, responses }]) => ({
      shape: shapeOf(template),
      operation: {
        id: operationId,
        method: method.toUpperCase(),
        template,
        hasBody: requestBody?.content !== undefined,
        bodyRequired: requestBody?.required === true,
        parameters: parameters.map((parameter) => resolved(description, parameter)),
        responses,
      },
    })),
  );
  // The most particular path first: "issues/comments" before "issues/{issue_number}", "commits/{ref}/check-runs" before "commits/{ref}".
  return table.sort((a, b) => weight(b.operation.template) - weight(a.operation.template));
}

function weight(template: string): number {
  return template.split("/").reduce((sum, part) => sum + (part.startsWith("{") ? 1 : 10), 0);
}

function shapeOf(template: string): RegExp {
  const source = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => `(?<${name}>${greedy.has(name) ? ".+" : "[^/]+"})`);
  return new RegExp(`^${source}$`);
}

function decoded(groups: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
}

function resolved(description: Description, parameter: Parameter | { $ref: string }): Parameter {
  if (!("$ref" in parameter)) return parameter;
  const found = description.components.parameters[parameter.$ref.split("/").at(-1) ?? ""];
  if (found === undefined) throw new Error(`unknown parameter ${parameter.$ref}`);
  return found;
}

function paramsSchema(operation: Operation): object {
  const known = operation.parameters.filter((parameter) => parameter.in !== "header");
  return {
    type: "object",
    // In an address every number is text as well: where a number or a text may stand, the text fits both forms, which "one of" forbids.
    properties: Object.fromEntries(known.map(({ name, schema }) => [name, anyOf(schema)])),
    required: known.filter(({ required }) => required).map(({ name }) => name),
  };
}

function anyOf(schema: object): object {
  const { oneOf, ...rest } = schema as { oneOf?: object[] };
  return oneOf === undefined ? schema : { ...rest, anyOf: oneOf };
}

function pointerOf(operation: Operation): string {
  const path = encodeURIComponent(operation.template.replaceAll("~", "~0").replaceAll("/", "~1"));
  return `paths/${path}/${operation.method.toLowerCase()}`;
}

function problemOf(validate: ValidateFunction, value: unknown): Problem | undefined {
  if (validate(value)) return undefined;
  const error = validate.errors?.[0] as ErrorObject;
  const parent = error.instancePath.slice(1).replaceAll("/", ".");
  const missing = (error.params as { missingProperty?: string }).missingProperty;
  const field = missing === undefined ? parent : [parent, missing].filter((part) => part !== "").join(".");
  return { field, message: missing === undefined ? String(error.message) : "is missing" };
}
