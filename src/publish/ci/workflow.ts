import { parseDocument } from "yaml";

/** A workflow file as far as it can be judged. */
export interface Workflow {
  path: string;
  /** Event to its settings; null where it has none. */
  on: Map<string, Record<string, unknown> | null>;
  /** Undefined where it is not said: then the repository's setting holds, which this App cannot read. */
  permissions: unknown;
  jobs: Map<string, Record<string, unknown>>;
  /** All of it, for what may stand anywhere. */
  root: Record<string, unknown>;
}

const maxChars = 512 * 1024;

/**
 * ◆ Reads a workflow file; undefined where it cannot be known what GitHub makes of it. Anchors are refused: cycles and bombs are made of
 * them. A key `on` that YAML 1.1 reads as `true` counts as `on`.
 */
export function parseWorkflow(path: string, text: string): Workflow | undefined {
  const root = text.length <= maxChars ? asRecord(parseYaml(text)) : undefined;
  if (!root) return undefined;
  if (root.on !== undefined && root.true !== undefined) return undefined;
  const on = readEvents(root.on ?? root.true);
  const jobs = asRecord(root.jobs);
  if (!on || !jobs) return undefined;
  const read = new Map<string, Record<string, unknown>>();
  for (const [name, value] of Object.entries(jobs)) {
    const job = asRecord(value);
    if (!job) return undefined;
    read.set(name, job);
  }
  return { path, on, permissions: root.permissions, jobs: read, root };
}

function parseYaml(text: string): unknown {
  try {
    const doc = parseDocument(text, { uniqueKeys: true, strict: true });
    if (doc.errors.length > 0 || doc.warnings.length > 0) return undefined;
    return doc.toJS({ maxAliasCount: 0 });
  } catch {
    // An alias, or nested deeper than the stack is: not to be known.
    return undefined;
  }
}

function readEvents(on: unknown): Workflow["on"] | undefined {
  if (typeof on === "string") return new Map([[on, null]]);
  if (Array.isArray(on))
    return on.every((event) => typeof event === "string") ? new Map(on.map((event) => [event, null])) : undefined;
  const record = asRecord(on);
  if (!record) return undefined;
  const events: Workflow["on"] = new Map();
  for (const [event, settings] of Object.entries(record)) {
    // `schedule` alone is a list.
    if (event === "schedule") events.set(event, null);
    else if (settings === null) events.set(event, null);
    else {
      const read = asRecord(settings);
      if (!read) return undefined;
      events.set(event, read);
    }
  }
  return events;
}

export function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

/** A text or a list of texts, as a list; undefined for anything else. */
export function asList(value: unknown): string[] | undefined {
  if (typeof value === "string") return [value];
  return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : undefined;
}
