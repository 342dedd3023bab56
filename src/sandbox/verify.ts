import type { SandboxCheck } from "../run/check.ts";
import type { Engine } from "./engine.ts";
import { hostChecks, observeHost } from "./host-checks.ts";
import { inspectChecks } from "./inspect-checks.ts";
import { inspect, type SandboxHandle } from "./sandboxes.ts";
import { readSeccompProfile } from "./seccomp.ts";
import { type SandboxSpec, sandboxMounts, sandboxName } from "./spec.ts";

export type Verification =
  | { verified: true; checks: readonly SandboxCheck[] }
  | { verified: false; failed: readonly SandboxCheck[] };

/**
 * Looks at a sandbox from inside (what its probe printed as the first line of its output) and from outside (what the engine says).
 * Decides nothing: `decideVerified` does. An engine that does not answer leaves out the outside checks, which then fail there.
 */
export async function verifySandbox(of: {
  engine: Engine;
  handle: SandboxHandle;
  spec: SandboxSpec;
  probeLine: string;
  /** Of a firewalled sandbox: the container that owns its namespace. */
  pauseId?: string;
}): Promise<SandboxCheck[]> {
  const probed = parseProbeLine(of.probeLine);
  const inside = [...(of.spec.goesOn ? probed.map(asOfEarlier) : probed), ...(of.spec.tried ?? [])];
  try {
    const [seen, profile] = await Promise.all([
      inspect(of.engine, of.handle.containerId),
      readSeccompProfile(of.spec.architecture),
    ]);
    if (!seen) return inside;
    const host = await observeHost(seen.State.Pid).then(
      (sight) =>
        hostChecks(sight, {
          ...{ mode: of.spec.network.mode, isolation: of.spec.isolation.kind, uid: of.spec.uid },
          ...{ volume: sandboxName(of.spec), mounts: mountsOf(of.spec) },
        }),
      () => [],
    );
    return [...inside, ...inspectChecks(seen, of.spec, profile, of.pauseId), ...host];
  } catch (error) {
    return [
      ...inside,
      { name: "engine.running", side: "outside", ok: false, seen: `error ${error instanceof Error ? error.name : ""}` },
    ];
  }
}

/** In a run that goes on, home is not empty: what lies in it is the run's own. Everything else is held to what it is held to in a first sandbox. */
function asOfEarlier(check: SandboxCheck): SandboxCheck {
  return check.name === "home.empty" ? { ...check, ok: true, seen: "of the run's earlier sandbox" } : check;
}

function mountsOf(spec: SandboxSpec): { target: string; readOnly: boolean }[] {
  return sandboxMounts(spec).map(({ Target, ReadOnly }) => ({ target: Target, readOnly: ReadOnly === true }));
}

/** Verified only if each expected check is there once and is ok, and nothing else is there. Pure. */
export function decideVerified(checks: readonly SandboxCheck[], expectedNames: readonly string[]): Verification {
  const byName = Map.groupBy(checks, (check) => check.name);
  const failed = checks.flatMap((check): SandboxCheck[] => {
    if (check.ok !== true) return [check];
    if (!expectedNames.includes(check.name)) return [{ ...check, ok: false, seen: `unexpected: ${check.seen}` }];
    return [];
  });
  for (const name of expectedNames) {
    const count = byName.get(name)?.length ?? 0;
    if (count !== 1)
      failed.push({
        name,
        side: /^(engine|host)\./.test(name) ? "outside" : "inside",
        ok: false,
        seen: count === 0 ? "missing" : `${count} times`,
      });
  }
  return failed.length === 0 ? { verified: true, checks } : { verified: false, failed };
}

/** What the probe printed. Anything that is not exactly that yields fewer checks, or none: what is missing then fails. Pure. */
export function parseProbeLine(line: string): SandboxCheck[] {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return [];
  }
  const { airlock, checks } = (said ?? {}) as { airlock?: unknown; checks?: unknown };
  if (airlock !== "probe" || !Array.isArray(checks)) return [];
  return checks.flatMap((check: { name?: unknown; ok?: unknown; seen?: unknown } | null): SandboxCheck[] => {
    if (typeof check?.name !== "string") return [];
    return [{ name: check.name.slice(0, 80), side: "inside", ok: check.ok === true, seen: String(check.seen).slice(0, 200) }];
  });
}
