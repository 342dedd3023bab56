/** What kept a sandbox apart from its host when it was verified. Plain data: stored with the run, shown wherever the run is. */
export interface Isolation {
  /** runc: namespaces and a filter on the host's own kernel. gvisor: a kernel of its own, in user space. */
  kind: "runc" | "gvisor";
  /** With the distribution's revision where it is known: "1.1.5+ds1-1+deb12u1", "release-20260105.0". "" where nobody told. */
  version: string;
  /** The host's release of Linux. */
  kernel: string;
  /** Ways out and other holes that this engine is known to have, a sentence each. */
  escapes: readonly string[];
}

/** "runc 1.1.5+ds1-1+deb12u1 on Linux 6.1.0" */
export function printIsolation({ kind, version, kernel }: Isolation): string {
  const name = kind === "gvisor" ? "gVisor" : "runc";
  return `${name} ${version || "of unknown version"} ${kind === "gvisor" ? "(a kernel of its own) " : ""}on Linux ${kernel || "of unknown version"}`;
}
