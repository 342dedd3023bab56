/** ◆ Descriptions of JSON by what is allowed: what a form does not name is refused, and the refusal says where it stands. */

export interface FormProblem {
  /** As in JavaScript: `messages[2].content[0].source`. */
  path: string;
  rule: string;
  why: string;
}

/** Undefined: the value is as described. */
export type Form = (value: unknown, path: string) => FormProblem | undefined;

type Fields = Readonly<Record<string, Form>>;

export function text(longest = Number.POSITIVE_INFINITY): Form {
  return (value, path) =>
    typeof value === "string" && value.length <= longest
      ? undefined
      : shape(path, longest < Number.POSITIVE_INFINITY ? `a text of at most ${longest} characters` : "a text");
}

export const flag: Form = (value, path) => (typeof value === "boolean" ? undefined : shape(path, "true or false"));

/** Data of the agent's own: nothing at the far end acts on it. */
export const anything: Form = () => undefined;

export function count(least: number, most: number): Form {
  return (value, path) =>
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= most
      ? undefined
      : shape(path, `a whole number from ${least} to ${most}`);
}

export function number(least: number, most: number): Form {
  return (value, path) =>
    typeof value === "number" && value >= least && value <= most ? undefined : shape(path, `a number from ${least} to ${most}`);
}

export function exactly(...allowed: readonly (string | boolean | null)[]): Form {
  return (value, path) =>
    (allowed as readonly unknown[]).includes(value)
      ? undefined
      : problem(path, "model.value", `${show(value)} is not among what was known when the policy was written`);
}

export function either(first: Form, second: Form): Form {
  return (value, path) => {
    const found = first(value, path);
    return found && second(value, path) && found;
  };
}

export function list(item: Form, longest = 100_000): Form {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > longest) return shape(path, `a list of at most ${longest}`);
    for (const [index, each] of value.entries()) {
      const found = item(each, `${path}[${index}]`);
      if (found) return found;
    }
    return undefined;
  };
}

export function textOr(other: Form): Form {
  return (value, path) => (typeof value === "string" ? undefined : other(value, path));
}

/** `known`: fields that are refused with a rule and words of their own. */
export function object(required: Fields, optional: Fields = {}, known: Readonly<Record<string, [string, string]>> = {}): Form {
  return (value, path) => {
    if (!isRecord(value)) return shape(path, "an object");
    for (const name of Object.keys(required)) if (!Object.hasOwn(value, name)) return shape(join(path, name), "present");
    for (const [name, inner] of Object.entries(value)) {
      const form = own(required, name) ?? own(optional, name);
      if (!form) {
        const [rule, why] = own(known, name) ?? ["model.unknown-field", "this field was not known when the policy was written"];
        return problem(join(path, name), rule, why);
      }
      const found = form(inner, join(path, name));
      if (found) return found;
    }
    return undefined;
  };
}

/** An object whose `type` says which. `otherwise`: the rule for a type that is not here; `known`: rule and words for some of those. */
export function tagged(
  forms: Fields,
  otherwise: string,
  known: (type: string) => [string, string] | undefined = () => undefined,
): Form {
  return (value, path) => {
    if (!isRecord(value)) return shape(path, "an object");
    const { type } = value;
    const form = typeof type === "string" ? own(forms, type) : undefined;
    if (form) return form(value, path);
    const [rule, why] = (typeof type === "string" && known(type)) || [
      otherwise,
      `the type ${show(type)} was not known when the policy was written`,
    ];
    return problem(join(path, "type"), rule, why);
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// `__proto__` and `constructor` are names like any other: only what a table itself holds is in it.
function own<Value>(table: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function join(path: string, name: string): string {
  const step = /^[A-Za-z_$][\w$]{0,60}$/.test(name) ? name : `[${show(name)}]`;
  return path === "" || step.startsWith("[") ? `${path}${step}` : `${path}.${step}`;
}

function show(value: unknown): string {
  const words = JSON.stringify(value) ?? "nothing";
  return words.length > 80 ? `${words.slice(0, 80)}…` : words;
}

function shape(path: string, wanted: string): FormProblem {
  return problem(path, "model.shape", `it must be ${wanted}`);
}

function problem(path: string, rule: string, why: string): FormProblem {
  return { path, rule, why };
}
