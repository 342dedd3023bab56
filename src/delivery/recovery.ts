import { firstError, retryAfterMsOf } from "../github/api.ts";
import { type RecoverParts, recoverMissed, type Seen } from "./recover.ts";

export interface Recovery extends AsyncDisposable {
  /** Resolves when a pass that began after this call has ended, well or not. */
  pass(): Promise<void>;
}

const longestBackOffMs = 300_000;

/** Looks into GitHub's log at once, and then every `everyMs`; less often while GitHub does not answer or asks for less. */
export function startRecovery(
  parts: RecoverParts & {
    /** Whether it is for this process to look: one does it for all machines of a database. */
    isMine(): Promise<boolean>;
  },
  everyMs: number,
): Recovery {
  let seen: Seen = { untilMs: 0, etag: undefined, failures: new Map() };
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let closing = false;
  let under: Promise<void> = Promise.resolve();

  const look = async (): Promise<number> => {
    try {
      if (!(await parts.isMine())) return everyMs;
      const { stored, more, seen: now } = await recoverMissed(parts, seen);
      seen = now;
      failures = 0;
      if (stored > 0) parts.log.info({ stored }, "missed deliveries recovered");
      return more ? 0 : everyMs;
    } catch (thrown) {
      const error = firstError(thrown);
      failures++;
      parts.log.warn({ err: error, failures }, "GitHub's log of deliveries not read");
      return Math.max(Math.min(longestBackOffMs, everyMs * 2 ** Math.min(failures, 8)), retryAfterMsOf(error, parts.nowMs()));
    }
  };
  const pass = (): Promise<void> => {
    under = under.then(async () => {
      clearTimeout(timer);
      if (closing) return;
      const afterMs = await look();
      if (!closing) timer = setTimeout(() => void pass(), Math.min(afterMs, 3_600_000));
    });
    return under;
  };
  void pass();
  return {
    pass,
    [Symbol.asyncDispose]: async () => {
      closing = true;
      clearTimeout(timer);
      await under;
    },
  };
}
