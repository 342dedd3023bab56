/** A failure that a person must act on: what happened, and what to do about it. */
export class Fault extends Error {
  /** Stable and dotted, for programs and tests: "grant.permission-missing". Messages may change, codes may not. */
  readonly code: string;
  /** One sentence that says what to do, and where. */
  readonly remedy: string;

  constructor(code: string, message: string, options: { remedy: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.remedy = options.remedy;
  }
}

/** The exit codes of every command (sysexits where one fits). */
export const exitCodes = { done: 0, failed: 1, usage: 2, away: 69, settings: 78, interrupted: 130 } as const;

/** Maps an error onto the exit code that scripts branch on: settings and engine faults have their own, all else is 1. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof Fault)) return exitCodes.failed;
  if (error.code.startsWith("usage.")) return exitCodes.usage;
  if (error.code.startsWith("settings.")) return exitCodes.settings;
  if (error.code.startsWith("engine.") || error.code.startsWith("github.away")) return exitCodes.away;
  return exitCodes.failed;
}
