import { execa } from "execa";
import type { EngineInfo } from "./engine.ts";

/** Ways out of a container that older runcs have. `fixedIn`: the first version without it on each release line, the oldest line first;
 *  `debian`: Debian's own version of a package that is mended though its upstream version is older. From runc's advisories
 *  GHSA-xr7r-f8xq-vfvv (2024) and GHSA-9493-h29p-rfm2, GHSA-qw9x-cqr3-wc7r, GHSA-cgrx-mc8f-2prm (2025), and from the changelog
 *  of Debian's runc 1.1.5+ds1-1+deb12u1, which names CVE-2024-21626 alone. */
const escapes = [
  { id: "CVE-2024-21626", fixedIn: [[1, 1, 12]], debian: /^1\.1\.5\+ds1-1\+deb12u\d/ },
  {
    id: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881",
    fixedIn: [
      [1, 2, 8],
      [1, 3, 3],
    ],
    debian: undefined,
  },
] as const;

/** One sentence for each known escape of the engine's runc; none where the engine does not tell its version. Pure. */
export function findKnownEscapes({ runcVersion }: Pick<EngineInfo, "runcVersion">): string[] {
  const seen = /^(\d+)\.(\d+)\.(\d+)/.exec(runcVersion)?.slice(1).map(Number);
  if (!seen) return [];
  return escapes
    .filter(({ fixedIn, debian }) => !isMended(seen, fixedIn) && !debian?.test(runcVersion))
    .map(({ id, fixedIn }) => {
      const versions = fixedIn.map((version) => version.join(".")).join(" and ");
      return `runc ${runcVersion} has a known way out of containers (${id}), mended in ${versions}`;
    });
}

/** A line of its own decides where there is one: 1.3.0 is newer than 1.2.8, and not mended. */
function isMended(seen: readonly number[], fixedIn: readonly (readonly number[])[]): boolean {
  const line = fixedIn.find(([major, minor]) => major === seen[0] && minor === seen[1]);
  return line ? !isOlder(seen, line) : !fixedIn.some((fixed) => isOlder(seen, fixed));
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
