import { Fault } from "../fault.ts";
import { isHttpError, isPassing, messageOf, statusOf } from "../github/api.ts";

/**
 * ◆ What a report that GitHub refuses for good is told as elsewhere, in a sentence; undefined where the refusal means more than that the
 * sentence was not wanted. A conversation may be locked, an issue deleted or transferred, issues turned off. `tries`: how often the step
 * was tried before: what has moved may be the repository, which is looked for first.
 */
export function findUntold(what: string, error: unknown, tries: number): string | undefined {
  if (error instanceof Fault)
    return error.code === "github.redirected" && tries > 0
      ? `The ${what} could not be written: the issue is somewhere else by now.`
      : undefined;
  if (!isHttpError(error) || isPassing(error)) return undefined;
  const status = statusOf(error);
  if (status !== 403 && status !== 404 && status !== 410 && status !== 422) return undefined;
  return `The ${what} could not be written: GitHub answered ${status}, ${messageOf(error).replace(/\.$/, "").slice(0, 200)}.`;
}
