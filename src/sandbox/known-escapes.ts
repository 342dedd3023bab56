import { execa } from "execa";
import type { EngineInfo } from "./engine.ts";

/** Ways out of a container that older engines have. `fixedIn`: the first upstream versions without it; `debian`: what a distribution's
 *  own package version ends in once it is mended there. */
const escapes = [
  { id: "CVE-2024-21626", fixedIn: [1, 1, 12], debian: /\+deb1[12]u\d/ },
  { id: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", fixedIn: [1, 2, 8], debian: undefined },
] as const;

/** One sentence for each known escape of the engine's runc; none where the engine does not tell its version. Pure. */
export function findKnownEscapes({ runcVersion }: Pick<EngineInfo, "runcVersion">): string[] {
  const seen = /^(\d+)\.(\d+)\.(\d+)/.exec(runcVersion)?.slice(1).map(Number);
  if (!seen) return [];
  return escapes
    .filter(({ fixedIn, debian }) => isOlder(seen, fixedIn) && !debian?.test(runcVersion))
    .map(({ id, fixedIn }) => `runc ${runcVersion} has a known way out of containers (${id}), mended in ${fixedIn.join(".")}`);
}

function isOlder(seen: readonly number[], fixed: readonly number[]): boolean {
  const at = fixed.findIndex((part, index) => part !== seen[index]);
  return at >= 0 && (seen[at] ?? 0) < (fixed[at] ?? 0);
}

/** The distribution's own version of runc, which the engine does not tell ("1.1.5+ds1-1+deb12u1" for "1.1.5+ds1"); the engine's where
 *  it is another runc, or no package. */
export async function packagedRunc(runcVersion: string): Promise<string> {
  const env = { PATH: "/usr/bin:/bin", LANG: "C" };
  const asked = await execa("dpkg-query", ["--show", `--showformat=\${Version}`, "runc"], {
    env,
    extendEnv: false,
    reject: false,
  });
  const found = asked.exitCode === 0 ? asked.stdout.replace(/^\d+:/, "") : "";
  return runcVersion !== "" && found.startsWith(`${runcVersion}-`) ? found : runcVersion;
}
