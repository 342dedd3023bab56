import { z } from "zod";
import { exitCodes, Fault } from "../../fault.ts";
import type { SandboxCheck } from "../../run/check.ts";
import { type Isolation, printIsolation } from "../../run/isolation.ts";
import { awaitStop } from "../await-stop.ts";
import { plain } from "../plain.ts";
import { printTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { openTrial } from "./trial.ts";

const shape = z.strictObject({
  mode: z.enum(["sealed", "firewalled"], { error: "--mode is sealed or firewalled" }),
  dial: z.ipv4().or(z.ipv6()).optional(),
  data: z.string().optional(),
  local: z.boolean().default(false),
  json: z.boolean().default(false),
});

/** Prints the evidence table of a fresh sandbox. */
export async function verify(given: unknown, terminal: Terminal): Promise<number> {
  const parsed = shape.safeParse(given);
  if (!parsed.success)
    throw new Fault("usage.sandbox", z.prettifyError(parsed.error), { remedy: "See ./airlock sandbox verify --help" });
  const { mode, dial, data, local, json } = parsed.data;
  const stop = awaitStop();
  const wish = { do: "verify", mode, ...(dial !== undefined && { dial }) } as const;
  let checks: SandboxCheck[] = [];
  let failed: string[] = [];
  let isolation: Isolation | undefined;
  for await (const event of openTrial({ data, local }, () => wish, stop.signal)) {
    if (event.is !== "verified") continue;
    ({ failed, isolation } = event);
    checks = [...event.checks, ...event.failed.filter((name) => !event.checks.some((it) => it.name === name)).map(missing)];
  }
  if (json) terminal.out(JSON.stringify({ mode, ...(isolation && { isolation }), checks, failed: failed.length }));
  else printVerified({ checks, failed, isolation }, terminal);
  return failed.length === 0 && checks.length > 0 ? exitCodes.done : exitCodes.failed;
}

/** Expected, and nobody looked. */
function missing(name: string): SandboxCheck {
  return { name, side: /^(engine|host)\./.test(name) ? "outside" : "inside", ok: false, seen: "missing" };
}

/** The table for people: each check, what keeps the sandbox, and what is known against that. */
export function printVerified(
  { checks, failed, isolation }: { checks: SandboxCheck[]; failed: string[]; isolation: Isolation | undefined },
  terminal: Terminal,
): void {
  const rows = checks.map(({ name, side, ok, seen }) => [ok ? "ok" : "FAILED", side, name, seen].map(plain));
  for (const line of printTable([["", "SIDE", "CHECK", "SEEN"], ...rows])) terminal.out(line);
  if (isolation) terminal.out(`kept by ${plain(printIsolation(isolation))}`);
  for (const hole of isolation?.escapes ?? []) terminal.out(`known: ${plain(hole)}`);
  terminal.err(failed.length === 0 ? `${checks.length} checks, none failed` : `failed: ${failed.map(plain).join(", ")}`);
}
