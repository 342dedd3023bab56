/** ◆ The part of GraphQL that gh speaks: one named query, fields with arguments, aliases, fragments, variables. Nothing else is a query. */

export type Value =
  | string
  | number
  | boolean
  | null
  | { variable: string }
  | { list: Value[] }
  | { object: Record<string, Value> };

export type Selection =
  | { kind: "field"; alias: string; name: string; args: Record<string, Value>; selections: Selection[] }
  | { kind: "inline"; on: string; selections: Selection[] }
  | { kind: "spread"; name: string };

export interface Query {
  selections: Selection[];
  fragments: ReadonlyMap<string, { on: string; selections: Selection[] }>;
}

const deepest = 16;
const longest = 32_768;
const token = /[\s,]*(\.\.\.|[!$():=@[\]{}]|-?\d{1,10}|"[^"\\\n]{0,500}"|[A-Za-z_][A-Za-z0-9_]{0,100})/y;

/** Undefined: it is not one query of this form; mutations, subscriptions, directives and comments are not. */
export function parseQuery(text: string): Query | undefined {
  if (text.length > longest) return undefined;
  const tokens: string[] = [];
  token.lastIndex = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) tokens.push(match[1] ?? "");
  const end = tokens.length === 0 ? 0 : lastEnd(text);
  if (/\S/.test(text.slice(end))) return undefined;
  try {
    return new Parser(tokens).document();
  } catch (error) {
    if (error instanceof NotAQuery) return undefined;
    throw error;
  }
}

function lastEnd(text: string): number {
  let end = 0;
  token.lastIndex = 0;
  while (token.exec(text)) end = token.lastIndex;
  return end;
}

class NotAQuery extends Error {}

class Parser {
  readonly #tokens: string[];
  #at = 0;
  constructor(tokens: string[]) {
    this.#tokens = tokens;
  }

  document(): Query {
    const fragments = new Map<string, { on: string; selections: Selection[] }>();
    let selections: Selection[] | undefined;
    while (this.#at < this.#tokens.length) {
      const word = this.#next();
      if (word === "fragment") {
        const name = this.#name();
        this.#expect("on");
        fragments.set(name, { on: this.#name(), selections: this.#selections(0) });
      } else if (word === "query" && !selections) {
        if (this.#peek() !== "{" && this.#peek() !== "(") this.#name();
        if (this.#peek() === "(") this.#skipVariables();
        selections = this.#selections(0);
      } else throw new NotAQuery();
    }
    if (!selections) throw new NotAQuery();
    return { selections, fragments };
  }

  #selections(depth: number): Selection[] {
    if (depth > deepest) throw new NotAQuery();
    this.#expect("{");
    const found: Selection[] = [];
    while (this.#peek() !== "}") {
      if (this.#peek() === "...") {
        this.#next();
        if (this.#peek() === "on") {
          this.#next();
          found.push({ kind: "inline", on: this.#name(), selections: this.#selections(depth + 1) });
        } else found.push({ kind: "spread", name: this.#name() });
        continue;
      }
      const first = this.#name();
      const aliased = this.#peek() === ":";
      if (aliased) this.#next();
      const name = aliased ? this.#name() : first;
      const args = this.#peek() === "(" ? this.#arguments(")", 0) : {};
      found.push({
        kind: "field",
        alias: first,
        name,
        args,
        selections: this.#peek() === "{" ? this.#selections(depth + 1) : [],
      });
    }
    this.#next();
    return found;
  }

  #arguments(close: ")" | "}", depth: number): Record<string, Value> {
    if (depth > deepest) throw new NotAQuery();
    this.#next();
    const found: Record<string, Value> = Object.create(null);
    while (this.#peek() !== close) {
      const name = this.#name();
      this.#expect(":");
      found[name] = this.#value(depth + 1);
    }
    this.#next();
    return found;
  }

  #value(depth: number): Value {
    if (depth > deepest) throw new NotAQuery();
    const word = this.#peek();
    if (word === "{") return { object: this.#arguments("}", depth + 1) };
    this.#next();
    if (word === "$") return { variable: this.#name() };
    if (word === "[") {
      const list: Value[] = [];
      while (this.#peek() !== "]") list.push(this.#value(depth + 1));
      this.#next();
      return { list };
    }
    if (/^-?\d/.test(word)) return Number(word);
    if (word.startsWith('"')) return word.slice(1, -1);
    if (word === "null") return null;
    if (/^\w/.test(word)) return word === "true" || word === "false" ? word === "true" : word;
    throw new NotAQuery();
  }

  /** Types and defaults of variables: the values come beside the query. */
  #skipVariables(): void {
    this.#next();
    while (this.#peek() !== ")") if (this.#next() === "(") throw new NotAQuery();
    this.#next();
  }

  #peek(): string {
    const word = this.#tokens[this.#at];
    if (word === undefined || word === "@") throw new NotAQuery();
    return word;
  }

  #next(): string {
    const word = this.#peek();
    this.#at += 1;
    return word;
  }

  #name(): string {
    const word = this.#next();
    if (!/^[A-Za-z_]/.test(word)) throw new NotAQuery();
    return word;
  }

  #expect(wanted: string): void {
    if (this.#next() !== wanted) throw new NotAQuery();
  }
}
