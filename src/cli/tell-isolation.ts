import { Fault } from "../fault.ts";
import { printIsolation } from "../run/isolation.ts";
import type { Engine } from "../sandbox/engine.ts";
import { findIsolation } from "../sandbox/find-isolation.ts";
import type { RuntimeWish } from "../sandbox/isolation.ts";
import { plain } from "./plain.ts";
import type { Terminal } from "./terminal.ts";

/** Says at the start what will keep sandboxes apart, and what is known against it. Throws Fault "engine.runtime" where what is
 *  demanded is not there: every run would be refused. */
export async function tellIsolation(
  engine: Engine,
  of: { wish: RuntimeWish; mode: "sealed" | "firewalled" },
  terminal: Terminal,
): Promise<void> {
  const found = await findIsolation(engine, of);
  if ("refused" in found)
    throw new Fault("engine.runtime", found.refused, {
      remedy: "Register gVisor with the engine as .env.example shows, or leave AIRLOCK_RUNTIME out",
    });
  terminal.err(`airlock: sandboxes are kept by ${plain(printIsolation(found.isolation))}`);
  for (const line of [...found.isolation.escapes, ...(found.passedOver === undefined ? [] : [found.passedOver])])
    terminal.err(`airlock: ${plain(line)}`);
}
