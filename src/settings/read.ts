import { Fault } from "../fault.ts";
import type { Environment } from "./environment.ts";
import { guide } from "./guide.ts";
import { type Value, type ValueName, values } from "./values.ts";

/** Undefined: it is not set. Throws Fault "settings.NAME" where it is malformed. */
export function read<Name extends ValueName>(environment: Environment, name: Name): Value<Name> | undefined {
  const found = environment.find(name);
  if (!found) return undefined;
  const parsed = values[name].safeParse(found.text);
  if (parsed.success) return parsed.data as Value<Name>;
  throw wrong(name, parsed.error.issues[0]?.message ?? "cannot be understood");
}

export function orNone(value: number | "none"): number | undefined {
  return value === "none" ? undefined : value;
}

export function missing(name: string): Fault {
  return new Fault(`settings.${name}`, `${name} is not set`, { remedy: `${guide[name]}` });
}

/** `given`: the name under which it was set, where that is another (PRIVATE_KEY_PATH). The value itself is never quoted. */
export function wrong(name: string, what: string, given: string = name): Fault {
  return new Fault(`settings.${name}`, `${given} ${what}`, { remedy: `${guide[name]}` });
}
