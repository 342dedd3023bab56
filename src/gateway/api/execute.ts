/** ◆ Answers a query over plain objects: a field is a value, or a function of its arguments that reads it from REST. A field that is not
 *  there is refused by its name: the objects are the list of what may be asked. */
import type { Query, Selection, Value } from "./query.ts";

export class FieldRefused extends Error {
  readonly field: string;
  constructor(field: string) {
    super(`the field ${field} is not answered here`);
    this.field = field;
  }
}

export type Arguments = Readonly<Record<string, unknown>>;
export type Node = { [field: string]: unknown };

export async function execute(query: Query, root: Node, variables: Arguments): Promise<unknown> {
  let left = 20_000;

  async function select(selections: readonly Selection[], node: Node, into: Node, depth: number): Promise<Node> {
    if (depth > 40) throw new FieldRefused("…");
    for (const selection of selections) {
      if (--left < 0) throw new FieldRefused("…");
      if (selection.kind === "field") {
        into[selection.alias] = await read(selection, node, depth);
        continue;
      }
      const fragment = selection.kind === "inline" ? selection : query.fragments.get(selection.name);
      if (!fragment) throw new FieldRefused(`...${selection.kind === "spread" ? selection.name : ""}`);
      if (fragment.on === node.__typename) await select(fragment.selections, node, into, depth + 1);
    }
    return into;
  }

  async function read(field: Extract<Selection, { kind: "field" }>, node: Node, depth: number): Promise<unknown> {
    if (!Object.hasOwn(node, field.name)) throw new FieldRefused(field.name.slice(0, 100));
    const found = node[field.name];
    const value = typeof found === "function" ? await found(resolveValue({ object: field.args }, variables)) : found;
    return shape(field.selections, value, depth);
  }

  async function shape(selections: readonly Selection[], value: unknown, depth: number): Promise<unknown> {
    if (Array.isArray(value)) return Promise.all(value.map((each) => shape(selections, each, depth)));
    if (typeof value !== "object" || value === null) return value ?? null;
    return select(selections, value as Node, Object.create(null), depth + 1);
  }

  return select(query.selections, root, Object.create(null), 0);
}

function resolveValue(value: Value, variables: Arguments): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("variable" in value) return Object.hasOwn(variables, value.variable) ? variables[value.variable] : undefined;
  if ("list" in value) return value.list.map((each) => resolveValue(each, variables));
  return Object.fromEntries(Object.entries(value.object).map(([name, each]) => [name, resolveValue(each, variables)]));
}
