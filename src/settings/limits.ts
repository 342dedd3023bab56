import { type Cap, capPeriods, capScopes, settingOf } from "../run/cap.ts";
import type { Environment } from "./environment.ts";
import { read } from "./read.ts";
import type { Settings } from "./shape.ts";

export function readLimits(environment: Environment): Settings["limits"] {
  const microUsd = read(environment, "AIRLOCK_RUN_BUDGET_USD") ?? 10_000_000;
  const tokens = read(environment, "AIRLOCK_RUN_BUDGET_TOKENS") ?? "none";
  return {
    concurrency: read(environment, "AIRLOCK_CONCURRENCY") ?? 2,
    minutes: read(environment, "AIRLOCK_DEADLINE_MINUTES") ?? 60,
    memoryBytes: read(environment, "AIRLOCK_MEMORY") ?? 4 * 1024 ** 3,
    ...(microUsd !== "none" && { budgetMicroUsd: microUsd }),
    ...(tokens !== "none" && { budgetTokens: tokens }),
    caps: readCaps(environment),
    modelCallsAtOnce: read(environment, "AIRLOCK_MODEL_PARALLEL") ?? 8,
    modelCallsPerMinute: read(environment, "AIRLOCK_MODEL_RATE") ?? 60,
    cpus: read(environment, "AIRLOCK_CPUS") ?? 2,
    processes: read(environment, "AIRLOCK_PIDS") ?? 1024,
    diskBytes: read(environment, "AIRLOCK_DISK") ?? 8 * 1024 ** 3,
    diskFiles: read(environment, "AIRLOCK_INODES") ?? 1_000_000,
    outputBytes: read(environment, "AIRLOCK_OUTPUT") ?? 64 * 1024 ** 2,
    stallMinutes: read(environment, "AIRLOCK_STALL_MINUTES") ?? 10,
    loopCalls: read(environment, "AIRLOCK_LOOP_CALLS") ?? 8,
    attempts: read(environment, "AIRLOCK_ATTEMPTS") ?? 3,
    waitHours: read(environment, "AIRLOCK_WAIT_HOURS") ?? 24,
  };
}

function readCaps(environment: Environment): Cap[] {
  return capScopes.flatMap((scope) => {
    const amounts = read(environment, settingOf(scope)) ?? {};
    return capPeriods.flatMap((per) => (amounts[per] === undefined ? [] : [{ scope, per, microUsd: amounts[per] }]));
  });
}
