export const blockBytes = 512;

/** ◆ A header of the one kind that we write; undefined for anything else: links, devices, folders, long names, another owner's extension. */
export function parseHeader(block: Buffer): { name: string; size: number } | undefined {
  const text = (from: number, length: number) => block.toString("latin1", from, from + length);
  const name = /^([\w./-]+)\0*$/.exec(text(0, 100))?.[1];
  const size = /^[0-7]{11}\0$/.test(text(124, 12)) ? Number.parseInt(text(124, 11), 8) : undefined;
  const sum = /^[0-7]{6}\0 $/.test(text(148, 8)) ? Number.parseInt(text(148, 6), 8) : undefined;
  const type = text(156, 1);
  const linkName = isZero(block.subarray(157, 257));
  const prefix = isZero(block.subarray(345, 500));
  const summed = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (name === undefined || size === undefined || sum !== summed) return undefined;
  if (type !== "0" || !linkName || !prefix || text(257, 8) !== "ustar\x0000") return undefined;
  return { name, size };
}

export function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/** What stands between a file's end and the next header. */
export function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}
