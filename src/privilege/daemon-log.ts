import { fstatSync, ftruncateSync, writeSync } from "node:fs";

/** Writes one line: a fixed message, and the facts as fields. */
export type DaemonLog = (level: "info" | "warn" | "error", message: string, fields?: Record<string, unknown>) => void;

const limitBytes = 8 * 1024 * 1024;

/** JSON lines to stderr, which is a file that the App follows: a dead App cannot break or block it. Begins anew at 8 MiB, so that
 *  nobody fills the disk through it. */
export function createDaemonLog(name: string): DaemonLog {
  return (level, message, fields) => {
    try {
      const stderr = fstatSync(2);
      if (stderr.isFile() && stderr.size > limitBytes) ftruncateSync(2, 0);
      writeSync(2, `${JSON.stringify({ time: Date.now(), level, name, msg: message, ...fields })}\n`);
    } catch {
      // A full disk must not end the daemon.
    }
  };
}
