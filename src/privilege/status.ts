/** ◆ Reads what the kernel says of a process (`/proc/self/task/<tid>/status`) and decides whether it is as confined as it must be. */

export interface ExpectedIdentity {
  uid: number;
  gid: number;
}

/** Capabilities that may stay in the bounding set: the launcher needs them until the change of account. With no-new-privileges and
 *  an ordinary uid nothing can be gained from it any more. */
const boundingMask = (1n << 2n) | (1n << 6n) | (1n << 7n);

/** Says what is wrong, or nothing. A field that is missing is wrong: doubt means that the daemon does not start. */
export function findConfinementFault(status: string, expected: ExpectedIdentity): string | undefined {
  const fields = new Map<string, string>();
  for (const line of status.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const ids = (name: string) => (fields.get(name) ?? "").split(/\s+/);
  if (!isAll(ids("Uid"), expected.uid)) return `Uid is ${fields.get("Uid")}`;
  if (!isAll(ids("Gid"), expected.gid)) return `Gid is ${fields.get("Gid")}`;
  if (fields.get("Groups") !== "") return `Groups is ${fields.get("Groups")}`;
  if (fields.get("NoNewPrivs") !== "1") return `NoNewPrivs is ${fields.get("NoNewPrivs")}`;
  for (const name of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
    if (parseMask(fields.get(name)) !== 0n) return `${name} is ${fields.get(name)}`;
  }
  const bounding = parseMask(fields.get("CapBnd"));
  if (bounding === undefined || (bounding & ~boundingMask) !== 0n) return `CapBnd is ${fields.get("CapBnd")}`;
  return undefined;
}

/** Real, effective, saved and file-system id: all four, or the old one can be taken back. */
function isAll(ids: string[], expected: number): boolean {
  return ids.length === 4 && ids.every((id) => id === String(expected));
}

function parseMask(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[0-9a-f]+$/.test(text) ? BigInt(`0x${text}`) : undefined;
}
