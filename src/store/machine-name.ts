import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../fault.ts";

const shape = /^[0-9a-f]{12}$/;

/**
 * By what this data folder's machine is known in a database that several share: 12 hex digits, made once. Its path says nothing: it is
 * the same on every machine. Throws Fault "store.machine-name".
 */
export function ensureMachineName(dataFolder: string): string {
  const path = join(dataFolder, "machine");
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(draft, `${randomBytes(6).toString("hex")}\n`, { flag: "wx", mode: 0o600 });
    // A link never replaces: of two processes that start at once, one makes the name and both read it.
    linkSync(draft, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw unusable(path, cause);
  } finally {
    rmSync(draft, { force: true });
  }
  const name = readFileSync(path, "utf8").trim();
  if (!shape.test(name)) throw unusable(path, undefined);
  return name;
}

function unusable(path: string, cause: unknown): Fault {
  return new Fault("store.machine-name", `${path} cannot be used`, {
    remedy: "Airlock's user must be able to write the data folder; a damaged file may be removed while no run is open",
    cause,
  });
}
