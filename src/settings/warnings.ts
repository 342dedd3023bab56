import type { Environment } from "./environment.ts";
import { notHonoured } from "./guide.ts";
import { values } from "./values.ts";

/** One sentence for each name that is set and has no effect. */
export function warningsOf(environment: Environment): string[] {
  const others = ["AIRLOCK_DATA", "AIRLOCK_KEY_COMMAND", "AIRLOCK_KEY_KEYCHAIN", "AIRLOCK_PATHS_FILE"];
  const known = new Set<string>([...Object.keys(values), ...others]);
  return environment.names().flatMap((name) => {
    if (!environment.find(name)) return [];
    if (name in notHonoured) return [`${name} has no effect: ${notHonoured[name]}`];
    return name.startsWith("AIRLOCK_") && !known.has(name) ? [`${name} is no setting of Airlock and has no effect`] : [];
  });
}
