import { appendFileSync, existsSync, statSync, truncateSync } from "node:fs";

/** Appends a line whole, or throws and leaves the file as it was: a full disk takes half a line, and what comes after it would not be read. */
export function appendLine(path: string, line: string): void {
  const before = existsSync(path) ? statSync(path).size : 0;
  try {
    appendFileSync(path, `${line}\n`, { mode: 0o600 });
  } catch (error) {
    if (existsSync(path)) truncateSync(path, before);
    throw error;
  }
}
