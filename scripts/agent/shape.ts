/** ◆ What a request looks like without what it says: the lines of shapes.json. */

export interface RecordedRequest {
  method: string;
  target: string;
  /** Name, value, name, value … as received. */
  rawHeaders: readonly string[];
  body: unknown;
}

/** Fields whose value is one of a few words of the API's own, so that a new word is a new shape. */
const words = new Set(["type", "role", "ttl", "scope", "media_type", "effort", "display", "speed", "service_tier"]);
/** Data of the agent's or the user's own: it may have any form. */
const opaque = [/\.tools\[\]\.input_schema$/, /<tool_use>\.input$/, /\.format\.schema$/];
/** Said by transport, or different from run to run. */
const dullHeaders =
  /^(host|content-length|content-type|connection|accept-encoding|x-stainless-.*|x-claude-code-session-id|user-agent|x-api-key)$/;

/** Every shape that occurs, each once, sorted. */
export function shapesOf(requests: readonly RecordedRequest[]): string[] {
  const shapes = new Set<string>();
  for (const { method, target, rawHeaders, body } of requests) {
    shapes.add(`request ${method} ${target}`);
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const name = (rawHeaders[at] ?? "").toLowerCase();
      if (name === "anthropic-beta") for (const beta of (rawHeaders[at + 1] ?? "").split(",")) shapes.add(`beta ${beta.trim()}`);
      else if (name === "anthropic-version") shapes.add(`header ${name}: ${rawHeaders[at + 1]}`);
      else if (!dullHeaders.test(name)) shapes.add(`header ${name}`);
    }
    walk(body, "body", shapes);
  }
  return [...shapes].sort();
}

function walk(value: unknown, path: string, shapes: Set<string>): void {
  if (opaque.some((each) => each.test(path))) return void shapes.add(`${path}: any`);
  if (Array.isArray(value)) {
    shapes.add(`${path}: list`);
    for (const item of value) walk(item, `${path}[]${tagOf(item)}`, shapes);
  } else if (typeof value === "object" && value !== null) {
    shapes.add(`${path}: object`);
    for (const [name, inner] of Object.entries(value)) walk(inner, `${path}.${name}`, shapes);
  } else if (words.has(path.slice(path.lastIndexOf(".") + 1)) && typeof value === "string") shapes.add(`${path}: ${value}`);
  else if (/\.tools\[\]\.name$/.test(path)) shapes.add(`tool ${String(value)}`);
  else shapes.add(`${path}: ${value === null ? "null" : typeof value}`);
}

/** A block is known by its type: a field of one kind of block is another than that of another. */
function tagOf(item: unknown): string {
  const { type } = (typeof item === "object" && item !== null ? item : {}) as { type?: unknown };
  return typeof type === "string" ? `<${type}>` : "";
}

export interface ShapeDifference {
  added: string[];
  gone: string[];
}

export function compareShapes(before: readonly string[], after: readonly string[]): ShapeDifference {
  return { added: after.filter((line) => !before.includes(line)), gone: before.filter((line) => !after.includes(line)) };
}
