/** ◆ Takes exact secrets out of a byte stream, wherever the chunks are cut. */

export interface Scrubber {
  /** What may be sent on now. Holds back only bytes that could be the beginning of a secret. */
  push(chunk: Buffer): Buffer;
  /** What was held back at the end. */
  flush(): Buffer;
}

const replacement = Buffer.from("[removed by Airlock]");

export function createScrubber(secrets: readonly string[]): Scrubber {
  const needles = secrets.filter((secret) => secret.length >= 4).map((secret) => Buffer.from(secret));
  let held: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      const bytes = replaceAll(held.length > 0 ? Buffer.concat([held, chunk]) : chunk, needles);
      const keep = Math.max(0, ...needles.map((needle) => overlap(bytes, needle)));
      held = bytes.subarray(bytes.length - keep);
      return bytes.subarray(0, bytes.length - keep);
    },
    flush() {
      const rest = held;
      held = Buffer.alloc(0);
      return rest;
    },
  };
}

function replaceAll(bytes: Buffer, needles: readonly Buffer[]): Buffer {
  let result = bytes;
  for (const needle of needles) {
    if (!result.includes(needle)) continue;
    const parts: Buffer[] = [];
    let from = 0;
    for (let at = result.indexOf(needle); at >= 0; at = result.indexOf(needle, from)) {
      parts.push(result.subarray(from, at), replacement);
      from = at + needle.length;
    }
    result = Buffer.concat([...parts, result.subarray(from)]);
  }
  return result;
}

/** Length of the longest end of `bytes` that is a proper beginning of `needle`. */
function overlap(bytes: Buffer, needle: Buffer): number {
  for (let length = Math.min(needle.length - 1, bytes.length); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(needle.subarray(0, length))) return length;
  }
  return 0;
}
