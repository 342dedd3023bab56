import { isAlias, isMap, isPair, isScalar, LineCounter, type Node, type ParsedNode, parseDocument, visit } from "yaml";
import { z } from "zod";
import type { LimitWish } from "../run/limits.ts";
import { type PathRule, parseGlob } from "../run/path-rule.ts";
import { machineLabel, type ValueName, values } from "../settings/values.ts";

/** Where a repository says what its runs may use. The other spelling is refused, so that nobody believes that it counts. */
export const agentFilePath = ".github/agent.yml";

/** What a repository's own settings say. */
export interface AgentFile {
  limits: LimitWish;
  /** What it wants done with work that changes certain paths; absent where it says nothing. Only makes things stricter. */
  paths?: PathRule[];
  /** Labels that its machine must have. */
  machine?: string[];
}

/** `line` and `column` count from 1. `words` completes "FILE, line L, column C: …". */
export interface AgentFileFault {
  line: number;
  column: number;
  words: string;
  remedy: string;
}

export const agentFileLimitBytes = 16_384;

/** Each limit as the operator's setting is written, so that both are read by one grammar. */
const keys = {
  minutes: ["minutes", "AIRLOCK_DEADLINE_MINUTES", "minutes: 30"],
  memory: ["memoryBytes", "AIRLOCK_MEMORY", "memory: 2g"],
  cpus: ["cpus", "AIRLOCK_CPUS", "cpus: 1.5"],
  processes: ["processes", "AIRLOCK_PIDS", "processes: 512"],
  disk: ["diskBytes", "AIRLOCK_DISK", "disk: 4g"],
  inodes: ["diskFiles", "AIRLOCK_INODES", "inodes: 200000"],
  output: ["outputBytes", "AIRLOCK_OUTPUT", "output: 16m"],
  "stall-minutes": ["stallMinutes", "AIRLOCK_STALL_MINUTES", "stall-minutes: 5"],
  "loop-calls": ["loopCalls", "AIRLOCK_LOOP_CALLS", "loop-calls: 5"],
  attempts: ["attempts", "AIRLOCK_ATTEMPTS", "attempts: 1"],
  "wait-hours": ["waitHours", "AIRLOCK_WAIT_HOURS", "wait-hours: 8"],
  "budget-usd": ["budgetMicroUsd", "AIRLOCK_RUN_BUDGET_USD", "budget-usd: 2.50"],
  "budget-tokens": ["budgetTokens", "AIRLOCK_RUN_BUDGET_TOKENS", "budget-tokens: 200000"],
} as const satisfies Record<string, readonly [keyof LimitWish, ValueName, string]>;

type Key = keyof typeof keys;

const plain = z.union([z.string(), z.number()], "is neither a number nor a text").transform(String);
const limitShapes = Object.fromEntries(
  Object.entries(keys).map(([key, [, setting]]) => [key, plain.pipe(values[setting] as never).optional()]),
) as unknown as Record<Key, z.ZodType<number | "none" | undefined>>;
const actions = ["draft", "hold", "refuse"] as const;
const isAction = (value: unknown): value is (typeof actions)[number] => (actions as readonly unknown[]).includes(value);
/** By hand: zod's own records pass over a key such as `__proto__`, and a rule that is passed over is none. */
const pathShape = z
  .custom<object>((value) => isPlainMap(value))
  .transform((value, context) =>
    Object.entries(value).map(([text, action]): PathRule => {
      const parsed = parseGlob(text);
      const wrong = "wrong" in parsed ? parsed.wrong : isAction(action) ? undefined : `is given none of ${actions.join(", ")}`;
      if (wrong !== undefined) context.addIssue({ code: "custom", message: wrong, path: [text] });
      return { glob: "glob" in parsed ? parsed.glob : "", action: isAction(action) ? action : "refuse" };
    }),
  );
const shape = z.strictObject({
  limits: z.strictObject(limitShapes).optional(),
  paths: pathShape.optional(),
  machine: z
    .union([z.string(), z.array(z.string())], "is neither a label nor a list of labels")
    .transform(listLabels)
    .optional(),
});

function listLabels(given: string | string[], context: z.RefinementCtx): string[] {
  const labels = [given].flat();
  const wrong = labels.find((label) => !machineLabel.test(label));
  if (wrong !== undefined || labels.length === 0)
    context.addIssue({ code: "custom", message: "names no label such as gpu (letters, digits, - and _)" });
  return labels;
}

/**
 * ◆ Reads a repository's settings, strictly: an unknown key, a doubled one, an anchor, an alias, a tag or a second document is a fault with
 * its place. An empty file says nothing. Never throws.
 */
export function parseAgentFile(text: string): AgentFile | AgentFileFault {
  const lines = new LineCounter();
  const at = (offset: number | undefined) => {
    const { line, col } = lines.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (Buffer.byteLength(text) > agentFileLimitBytes)
    return { line: 1, column: 1, words: `the file is larger than ${agentFileLimitBytes} bytes`, remedy: example };
  try {
    const doc = parseDocument<ParsedNode>(text, {
      ...{ uniqueKeys: true, strict: true, schema: "core", merge: false, lineCounter: lines, prettyErrors: false },
    });
    const [wrong] = [...doc.errors, ...doc.warnings];
    if (wrong) return { ...at(wrong.pos[0]), words: lowerFirst(wrong.message.split("\n", 1)[0] ?? ""), remedy: example };
    let reference: Node | undefined;
    visit(doc, (_key, node) => {
      // An alias makes a small file a large value, and an anchor is there for nothing else.
      if (!isAlias(node) && !(isNode(node) && node.anchor !== undefined)) return undefined;
      reference = node;
      return visit.BREAK;
    });
    if (reference)
      return { ...at(reference.range?.[0]), words: "anchors and aliases are not read here", remedy: "Write the value out" };
    const parsed = shape.safeParse(doc.toJS({ maxAliasCount: 0 }) ?? {});
    if (parsed.success) {
      const { limits = {}, paths = [], machine } = parsed.data;
      return { limits: wishOf(limits), ...(paths.length > 0 && { paths }), ...(machine && { machine }) };
    }
    const [issue] = parsed.error.issues;
    return describeIssue(issue as z.core.$ZodIssue, doc.contents, at);
  } catch {
    // Nested deeper than the stack is.
    return { line: 1, column: 1, words: "it is nested too deeply", remedy: example };
  }
}

const example = 'Write for example "limits:" and below it, indented by two spaces, "minutes: 30"';

function isNode(value: unknown): value is Node & { anchor?: string } {
  return typeof value === "object" && value !== null && "range" in value;
}

function isPlainMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wishOf(limits: Partial<Record<Key, number | "none" | undefined>>): LimitWish {
  const wish: LimitWish = {};
  for (const [key, value] of Object.entries(limits) as [Key, number | "none" | undefined][])
    if (value !== undefined) wish[keys[key][0]] = value;
  return wish;
}

function describeIssue(
  issue: z.core.$ZodIssue,
  root: Node | null,
  at: (offset: number | undefined) => { line: number; column: number },
): AgentFileFault {
  const path = issue.path.map(String);
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const place = findPlace(root, unknown === undefined ? path : [...path, unknown], unknown !== undefined);
  const name = [...path, ...(unknown === undefined ? [] : [unknown])].join(".").slice(0, 100);
  if (unknown !== undefined)
    return {
      ...at(place),
      words: `${name} is no key that is known here`,
      remedy: path.length === 0 ? example : `Known are: ${Object.keys(keys).join(", ")}`,
    };
  if (path[0] === "machine") return { ...at(place), words: `${name} ${issue.message}`, remedy: "Write for example machine: gpu" };
  if (path[0] === "paths" && path.length > 1)
    return {
      ...at(place),
      words: `${name} ${issue.message}`,
      remedy: 'Write for example "infra/**": hold (this file only makes rules stricter)',
    };
  const key = path[1] as Key | undefined;
  if (key !== undefined && key in keys)
    return { ...at(place), words: `${name} ${issue.message}`, remedy: `Write for example ${keys[key][2]}` };
  return { ...at(place), words: `${name || "the file"} is not a list of keys and values`, remedy: example };
}

/** Where a value, or its key, stands. */
function findPlace(root: Node | null, path: readonly string[], ofKey: boolean): number | undefined {
  let node: unknown = root;
  for (const [depth, name] of path.entries()) {
    if (!isMap(node)) break;
    const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === name);
    if (!pair) break;
    node = ofKey && depth === path.length - 1 ? pair.key : pair.value;
  }
  return isNode(node) ? node.range?.[0] : undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
