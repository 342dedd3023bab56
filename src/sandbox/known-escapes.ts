import type { Isolation } from "../run/isolation.ts";

/** ◆ Holes that an engine of a known version is known to have. */

/** Versions with the distribution's revision, "1.1.5+ds1-1+deb12u1"; "" where nobody tells. */
export interface EngineParts {
  docker: string;
  containerd: string;
  runc: string;
}

interface Hole {
  part: keyof EngineParts;
  id: string;
  what: string;
  /** The first version without it on each release line, the oldest line first. */
  fixedIn: readonly (readonly [number, number, number])[];
  /** Debian's own versions that are mended though their upstream version is older. */
  debian?: RegExp;
}

/** From the projects' advisories (runc GHSA-xr7r-f8xq-vfvv, GHSA-9493-h29p-rfm2, GHSA-qw9x-cqr3-wc7r, GHSA-cgrx-mc8f-2prm; containerd
 *  GHSA-pwhc-rpq9-4c8w, GHSA-265r-hfxg-fhmg; moby GHSA-v23v-6jw2-98fq) and, for `debian`, from the changelogs of bookworm's packages,
 *  which name what each revision mends. */
const holes: readonly Hole[] = [
  {
    part: "runc",
    id: "CVE-2024-21626",
    what: "a way out of containers",
    fixedIn: [[1, 1, 12]],
    debian: /^1\.1\.5\+ds1-1\+deb12u\d/,
  },
  {
    ...{ part: "runc", id: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", what: "a way out of containers" },
    fixedIn: [
      [1, 2, 8],
      [1, 3, 3],
    ],
  },
  {
    ...{ part: "containerd", id: "CVE-2024-25621", what: "folders of its own that other users may enter" },
    fixedIn: [
      [1, 7, 29],
      [2, 0, 7],
      [2, 1, 5],
    ],
    debian: /^1\.6\.20~ds1-1\+deb12u([2-9]|\d\d)/,
  },
  {
    ...{ part: "containerd", id: "CVE-2024-40635", what: "root for a container that asks for too large a uid" },
    fixedIn: [
      [1, 6, 38],
      [1, 7, 27],
      [2, 0, 4],
    ],
    debian: /^1\.6\.20~ds1-1\+deb12u([2-9]|\d\d)/,
  },
  {
    ...{ part: "docker", id: "CVE-2024-41110", what: "a way past authorization plugins" },
    fixedIn: [
      [23, 0, 15],
      [25, 0, 6],
      [26, 1, 5],
      [27, 1, 1],
    ],
    debian: /^20\.10\.24\+dfsg1-1\+deb12u\d/,
  },
];

/** One sentence for each. runc's are no matter where gVisor keeps the sandbox. Nothing is said of a part that does not tell its
 *  version. Pure. */
export function findKnownEscapes(parts: EngineParts, kind: Isolation["kind"] = "runc"): string[] {
  return holes.flatMap(({ part, id, what, fixedIn, debian }) => {
    const version = parts[part];
    const seen = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
    if (!seen || (part === "runc" && kind === "gvisor")) return [];
    if (isMended(seen, fixedIn) || debian?.test(version)) return [];
    const versions = fixedIn.map((fixed) => fixed.join(".")).join(" and ");
    return [`${part} ${version} has a known hole, ${what} (${id}), mended in ${versions}`];
  });
}

/** A line of its own decides where there is one: 1.3.0 is newer than 1.2.8, and not mended. */
function isMended(seen: readonly number[], fixedIn: Hole["fixedIn"]): boolean {
  const line = fixedIn.find(([major, minor]) => major === seen[0] && minor === seen[1]);
  return line ? !isOlder(seen, line) : !fixedIn.some((fixed) => isOlder(seen, fixed));
}

function isOlder(seen: readonly number[], fixed: readonly number[]): boolean {
  const at = fixed.findIndex((part, index) => part !== seen[index]);
  return at >= 0 && (seen[at] ?? 0) < (fixed[at] ?? 0);
}
