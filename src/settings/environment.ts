import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { Fault } from "../fault.ts";

/** One setting as it was found: its text, and the name under which it stood (`X` or `X_FILE`). */
export interface Found {
  text: string;
  name: string;
}

/** Where settings are looked up. `find` gives undefined for what is absent or empty: a copied `.env.example` has empty lines. */
export interface Environment {
  find(name: string): Found | undefined;
  /** As `find`, and from the file that `NAME_FILE` (or one of `aliases`) points at. One trailing line end is dropped. */
  findSecret(name: string, aliases?: string[]): Found | undefined;
  names(): string[];
}

type Variables = Record<string, string | undefined>;

/** Merges `cwd/.env` under `variables`: the environment wins. Throws Fault "settings.env-file". */
export function readEnvironment(variables: Variables, cwd: string): Environment {
  const layers = [variables, readEnvFile(resolve(cwd, ".env"))];
  const find = (name: string): Found | undefined => {
    for (const layer of layers) if (layer[name]) return { text: layer[name], name };
    return undefined;
  };

  return {
    find,
    names: () => [...new Set(layers.flatMap((layer) => Object.keys(layer)))],
    findSecret(name, aliases = []) {
      // Layer by layer: a file named in the environment beats a value in .env, as any other setting would.
      for (const layer of layers) {
        const given = [name, `${name}_FILE`, ...aliases].filter((each) => layer[each]);
        const [first, second] = given;
        if (first === undefined) continue;
        if (second !== undefined)
          throw new Fault(`settings.${name}`, `${first} and ${second} are both set`, {
            remedy: `Keep one of ${first} and ${second}`,
          });
        const text = layer[first] ?? "";
        return first === name
          ? { text, name }
          : { text: readSecretFile({ name, given: first, path: resolve(cwd, text) }), name: first };
      }
      return undefined;
    },
  };
}

function readEnvFile(path: string): Variables {
  try {
    return parseEnv(readFileSync(path, "utf8"));
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return {};
    throw new Fault("settings.env-file", `${path} cannot be read`, {
      remedy: `Make ${path} readable for the user that starts Airlock`,
      cause,
    });
  }
}

function readSecretFile({ name, given, path }: { name: string; given: string; path: string }): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new Fault(`settings.${name}`, `${given} names ${path}, which cannot be read`, {
      remedy: `Point ${given} at a file that the user who starts Airlock may read`,
      cause,
    });
  }
  if (text) return text;
  throw new Fault(`settings.${name}`, `${given} names ${path}, which is empty`, {
    remedy: `Put the value of ${name} into ${path}`,
  });
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
