import { createRequire } from "node:module";
import type { Writable } from "node:stream";
import pino, { type DestinationStream, type Logger } from "pino";
import type { Redactor } from "./secret/redact.ts";

/** The one place where log lines are made. Every line passes the redactor as it is written, so that message, error, cause and stack are covered
 *  alike: pino's own `redact` knows paths only. `destination`: stderr by default, since stdout belongs to data. */
export function createLogger(options: {
  level: string;
  format: "json" | "pretty";
  redactor: Pick<Redactor, "redact">;
  destination?: NodeJS.WritableStream | DestinationStream;
}): Logger {
  const { level, format, redactor } = options;
  const target = options.destination ?? process.stderr;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: (line) => redactor.redact(line) },
    },
    format === "pretty" ? createPretty(target) : (target as DestinationStream),
  );
}

// Probot brings pino-pretty; where it is missing, lines stay JSON rather than the start failing for want of colours.
function createPretty(target: NodeJS.WritableStream | DestinationStream): DestinationStream {
  try {
    const pretty = createRequire(import.meta.url)("pino-pretty") as (options: object) => DestinationStream;
    return pretty({
      destination: target as Writable,
      colorize: (target as { isTTY?: boolean }).isTTY === true,
      sync: true,
      ignore: "pid,hostname",
    });
  } catch {
    return target as DestinationStream;
  }
}
