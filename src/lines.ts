/**
 * Cuts a stream of bytes into lines, at "\n" alone. Not by node:readline: there a line ends at U+2028 and U+2029 too, which JSON leaves as they
 * are and agents write, so that one record becomes two that are none.
 */
export function splitLines(): { push(chunk: Uint8Array): string[]; rest(): string; takenBytes(): number } {
  let held: Buffer = Buffer.alloc(0);
  let taken = 0;
  return {
    push(chunk) {
      const seen = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
      const end = seen.lastIndexOf(10) + 1;
      held = seen.subarray(end);
      taken += end;
      return end === 0 ? [] : seen.toString("utf8", 0, end - 1).split("\n");
    },
    rest: () => held.toString("utf8"),
    // Of whole lines, with their ends.
    takenBytes: () => taken,
  };
}

/** The lines of a stream, with what comes after the last line's end. */
export async function* readLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const lines = splitLines();
  for await (const chunk of input) yield* lines.push(chunk);
  if (lines.rest() !== "") yield lines.rest();
}
