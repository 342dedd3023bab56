/** The names by which a run's effects are found again. Printer and parser of each name stand side by side. */

/** 80 random bits in lower-case base32: short enough for a socket path (107 bytes at most), safe in a ref, a label and a file name. */
export type RunId = string & { readonly brand: "RunId" };

const runIdShape = /^[a-z2-7]{16}$/;

export function parseRunId(text: unknown): RunId | undefined {
  return typeof text === "string" && runIdShape.test(text) ? (text as RunId) : undefined;
}

/** `bytes`: at least ten, from a cryptographic source. */
export function printRunId(bytes: Uint8Array): RunId {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes.subarray(0, 10)) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(held >> bits) & 31];
    }
  }
  return text as RunId;
}

/** A full git object name. */
export type Sha = string & { readonly brand: "Sha" };

export function parseSha(text: unknown): Sha | undefined {
  return typeof text === "string" && /^[0-9a-f]{40}$/.test(text) ? (text as Sha) : undefined;
}

/** True where `text` names this commit: wholly, or by its first seven digits or more. */
export function isCommit(sha: Sha, text: string): boolean {
  return /^[0-9a-f]{7,40}$/.test(text) && sha.startsWith(text);
}

/** Labels on whatever Airlock makes in the engine. `instance` tells our things from another Airlock's on the same engine. */
export const engineLabels = { run: "airlock.run", role: "airlock.role", instance: "airlock.instance" } as const;

/** The branch that an issue's work is pushed to. `nth`: from 1; later ones where somebody else's branch has the name. */
export function issueBranch(number: number, nth: number): string {
  return nth === 1 ? `agent/issue-${number}` : `agent/issue-${number}-${nth}`;
}
