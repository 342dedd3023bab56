import { Fault } from "../fault.ts";
import { firstError, isHttpError, isPassing, messageOf, retryAfterMsOf, statusOf } from "../github/api.ts";
import type { Reason } from "../run/outcome.ts";
import type { Place } from "../run/state.ts";

export type Stumble = { is: "again"; afterMs: number } | { is: "give-up"; reason: Reason } | { is: "leave" };

/** No limit of GitHub's lasts longer. */
const longestWaitMs = 3_600_000;

/** A day, by the minute: GitHub and engines have been away for hours, and nobody's work is given up for that. */
const mostTriesWhileAway = 1_450;

/** Of attempts whose token or name was out of date. */
const mostStale = 3;

/** Of a sandbox under its checks, one after the other. */
const mostDeaths = 4;

/** Pure. What a failed step means for its run: try again later, end it with words, or leave it to whoever holds it now. */
export function decideStumble(thrown: unknown, seen: { place: Place; tries: number; nowMs: number }): Stumble {
  const error = firstError(thrown);
  if (error instanceof Fault && error.code === "run.lost") return { is: "leave" };
  const backOffMs = Math.min(60_000, 500 * 2 ** Math.min(seen.tries, 10));
  const afterMs = Math.max(backOffMs, Math.min(longestWaitMs, retryAfterMsOf(error, seen.nowMs)));
  // A run that closes has nothing to give up to: it is tried until its last report is made and its tokens are dead.
  if (seen.place === "closing") return { is: "again", afterMs };
  const passing = isAway(error) || isPassing(error);
  if (passing && seen.tries < mostTriesWhileAway) return { is: "again", afterMs };
  if (error instanceof Fault && error.code === "sandbox.died" && seen.tries < mostDeaths) return { is: "again", afterMs };
  // A dead token is not kept, and a name that was given up is looked up anew: the next attempt has others.
  const stale = statusOf(error) === 401 || (error instanceof Fault && error.code === "github.redirected");
  if (stale && seen.tries < mostStale) return { is: "again", afterMs };
  // An error that nobody foresaw may be a hiccup of the machine: two more tries, then it is said.
  if (!(error instanceof Fault) && !isHttpError(error) && seen.tries < 2) return { is: "again", afterMs };
  return { is: "give-up", reason: reasonOf(error) };
}

/** The engine, or a process of ours, does not answer: dockerode says so with the system's own code. */
function isAway(error: unknown): boolean {
  if (error instanceof Fault) return error.code === "engine.away" || error.code === "daemon.away";
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return (
    code === "ECONNREFUSED" ||
    code === "ECONNRESET" ||
    code === "EPIPE" ||
    (code === "ENOENT" && "syscall" in (error as object) && (error as { syscall?: unknown }).syscall === "connect")
  );
}

/** Where GitHub can be told nothing, or not all. */
const outOfReach: ReadonlySet<string> = new Set([
  "grant.uninstalled",
  "grant.suspended",
  "grant.repository-gone",
  "grant.permission-missing",
]);
const kept = "What the agent has made by then is kept on the run's page.";

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** What people are told. Only faults and GitHub's own sentences are shown; an unforeseen error's text may hold anything. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof Fault)
    return {
      code: error.code,
      words: asSentence(error.message),
      remedy: `${asSentence(error.remedy)}${outOfReach.has(error.code) ? ` ${kept}` : ""}`,
    };
  if (isHttpError(error) && statusOf(error) === 401)
    return {
      code: "github.token-refused",
      words: `GitHub takes the run's token no longer: ${messageOf(error)}.`,
      remedy: "See whether the App is still installed there.",
    };
  if (isHttpError(error))
    return {
      code: "github.refused",
      words: `GitHub answered ${statusOf(error) ?? "nothing"}: ${messageOf(error).replace(/\.$/, "")}.`,
      remedy: "See whether the App still has its permissions there and the repository is not archived.",
    };
  return {
    code: "airlock.internal",
    words: "Airlock met an error that it did not foresee.",
    remedy: "The operator finds it in Airlock's log under this run's id.",
  };
}
