/** One entry of the engine's log: at most 16 KiB of one line, with the time at which the engine took it. */
export interface LogEntry {
  stream: "stdout" | "stderr";
  /** Epoch nanoseconds, 19 digits: compares as text. */
  atNs: string;
  /** Without the timestamp; ends in a newline where the line ends. */
  bytes: Buffer;
}

/** A whole line, joined from its entries. `atNs`: of its first entry. */
export interface OutputLine {
  atNs: string;
  stream: "stdout" | "stderr";
  line: string;
  /** True where the line was longer than is kept, or the log ended inside of it. */
  cut: boolean;
}

const headerBytes = 8;

/** Takes the whole frames out of `buffer` (8 bytes of header: stream, 0, 0, 0, length), and says what is left over. Pure. */
export function splitFrames(buffer: Buffer): { entries: LogEntry[]; rest: Buffer } {
  const entries: LogEntry[] = [];
  let at = 0;
  while (buffer.length - at >= headerBytes) {
    const end = at + headerBytes + buffer.readUInt32BE(at + 4);
    if (buffer.length < end) break;
    const stream = buffer[at] === 2 ? "stderr" : "stdout";
    const frame = buffer.subarray(at + headerBytes, end);
    const space = frame.indexOf(0x20);
    entries.push({ stream, atNs: parseTimestamp(frame.toString("latin1", 0, space)), bytes: frame.subarray(space + 1) });
    at = end;
  }
  return { entries, rest: buffer.subarray(at) };
}

/** "2026-11-24T23:33:31.123456789Z" as epoch nanoseconds. Pure. */
export function parseTimestamp(text: string): string {
  const [, seconds, fraction = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z$/.exec(text) ?? [];
  if (seconds === undefined) throw new Error(`The engine sent no timestamp: ${text.slice(0, 40)}`);
  return `${Date.parse(`${seconds}Z`) / 1000}${fraction.padEnd(9, "0").slice(0, 9)}`;
}

/**
 * What an entry takes in the engine's json-file at most: there every byte may be written as six (\u001b), and each entry has an
 * envelope. Never less than the truth, so a limit that is counted with it is reached before the file rotates. Pure.
 */
export function loggedBytes(bytes: Uint8Array): number {
  let sum = 100;
  for (const byte of bytes)
    sum += byte >= 0x20 && byte < 0x7f && !escaped.has(byte) ? 1 : byte === 0x0a || escapedShort.has(byte) ? 2 : 6;
  return sum;
}

const escapedShort = new Set([0x22, 0x5c, 0x0d, 0x09]);
const escaped = new Set([0x22, 0x5c, 0x26, 0x3c, 0x3e]);

/** Joins entries into lines, stdout and stderr apart. Holds at most `lineLimitBytes` of a line: what is over is dropped and marked. */
export function lineJoiner(lineLimitBytes: number) {
  const open = { stdout: start(), stderr: start() };
  const close = (stream: "stdout" | "stderr", cut: boolean): OutputLine => {
    const { parts, atNs, dropped } = open[stream];
    open[stream] = start();
    return { atNs, stream, line: Buffer.concat(parts).toString("utf8"), cut: cut || dropped };
  };
  return {
    add({ stream, atNs, bytes }: LogEntry): OutputLine | undefined {
      const ends = bytes.at(-1) === 0x0a;
      const text = ends ? bytes.subarray(0, -1) : bytes;
      const line = open[stream];
      line.atNs ||= atNs;
      const room = lineLimitBytes - line.bytes;
      if (text.length > room) line.dropped = true;
      line.parts.push(text.subarray(0, Math.max(0, room)));
      line.bytes += Math.min(text.length, Math.max(0, room));
      return ends ? close(stream, false) : undefined;
    },
    /** The lines that never ended. */
    rest(): OutputLine[] {
      return (["stdout", "stderr"] as const)
        .filter((stream) => open[stream].parts.length > 0)
        .map((stream) => close(stream, true));
    },
  };
}

function start() {
  return { parts: [] as Buffer[], bytes: 0, atNs: "", dropped: false };
}
