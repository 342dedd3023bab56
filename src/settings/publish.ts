import type { PathRule } from "../run/path-rule.ts";
import type { Environment } from "./environment.ts";
import { read, wrong } from "./read.ts";
import type { Settings } from "./shape.ts";
import { values } from "./values.ts";

const dayMs = 24 * 3_600_000;

export function readPublish(environment: Environment): Settings["publish"] {
  return {
    ci: read(environment, "AIRLOCK_CI") ?? "hold",
    workflows: read(environment, "AIRLOCK_WORKFLOWS") ?? "refuse",
    paths: readPaths(environment),
    holdMs: (read(environment, "AIRLOCK_HOLD_DAYS") ?? 7) * dayMs,
    releaseByOthers: read(environment, "AIRLOCK_RELEASE_BY_OTHERS") ?? false,
  };
}

/** Long lists stand in a file: AIRLOCK_PATHS_FILE. */
function readPaths(environment: Environment): PathRule[] {
  const found = environment.findSecret("AIRLOCK_PATHS");
  const parsed = values.AIRLOCK_PATHS.safeParse(found?.text ?? "");
  if (parsed.success) return parsed.data;
  throw wrong("AIRLOCK_PATHS", parsed.error.issues[0]?.message ?? "cannot be understood", found?.name);
}
