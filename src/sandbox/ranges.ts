/** ◆ IPv4 ranges as pairs of whole numbers: read, joined, taken out of each other, printed as nft reads them. */

/** Both ends belong to it. */
export interface Range {
  first: number;
  last: number;
}

/** "192.0.2.0/24" or "192.0.2.7", in the one notation that nobody reads differently; undefined for everything else, IPv6 too. */
export function parseRange(text: string): Range | undefined {
  const [, address = "", bits = "32"] = /^((?:\d{1,3}\.){3}\d{1,3})(?:\/(\d{1,2}))?$/.exec(text) ?? [];
  const parts = address.split(".");
  // "010" is eight to some and ten to others.
  if (parts.length !== 4 || parts.some((part) => Number(part) > 255 || String(Number(part)) !== part)) return undefined;
  const prefix = Number(bits);
  if (prefix > 32 || String(prefix) !== bits) return undefined;
  const size = 2 ** (32 - prefix);
  const number = parts.reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = number - (number % size);
  return { first, last: first + size - 1 };
}

/** The same addresses in the fewest ranges, in order. */
export function joinRanges(ranges: readonly Range[]): Range[] {
  const joined: Range[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = joined.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else joined.push({ first, last });
  }
  return joined;
}

/** What of `ranges` is in none of `holes`. */
export function subtractRanges(ranges: readonly Range[], holes: readonly Range[]): Range[] {
  return joinRanges(holes).reduce(
    (left, hole) =>
      left.flatMap(({ first, last }) =>
        [
          { first, last: Math.min(last, hole.first - 1) },
          { first: Math.max(first, hole.last + 1), last },
        ].filter((part) => part.first <= part.last),
      ),
    joinRanges(ranges),
  );
}

/** "192.0.2.0-192.0.2.255", and a single address as itself. */
export function printRange({ first, last }: Range): string {
  return first === last ? printAddress(first) : `${printAddress(first)}-${printAddress(last)}`;
}

function printAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
