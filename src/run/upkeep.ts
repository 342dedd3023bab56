import type { Seen } from "./seen.ts";
import type { Slot } from "./state.ts";

/** How a working run's door and tokens were looked after last, by this process. */
export interface Upkept {
  /** Epoch milliseconds. */
  atMs: number;
  /** Its door could not be opened, or the gateway not be told. */
  failed: boolean;
  /** Its firewall's rules were not those that were loaded, and could not be restored. It has no way out any more. */
  unwalled?: true;
}

/** Well within the twenty minutes before its end in which a lent token is replaced; and what a run was refused is on its page as soon. */
const everyMs = 30_000;
/** What somebody did to the rules of a firewalled run cuts it off at once; it need not be so for long. */
const walledEveryMs = 10_000;
const afterFailureMs = 5_000;
/** A door that is gone although it was just opened shows itself instead of spinning. */
const afterDoorMs = 1_000;

/**
 * Pure. When a working run's door and tokens are to be looked after, epoch milliseconds. It hangs on the clock and the gateway alone: an
 * agent that is silent for hours keeps both.
 */
export function upkeepDueAtMs(
  { upkept, door }: Pick<Seen, "upkept" | "door">,
  nowMs: number,
  mode: Slot["mode"] = "sealed",
): number {
  // Later than now: the clock was set back, and says nothing of how long ago that was.
  if (!upkept || upkept.atMs > nowMs) return nowMs;
  if (upkept.failed) return upkept.atMs + afterFailureMs;
  if (door === "gone") return upkept.atMs + afterDoorMs;
  return upkept.atMs + (mode === "firewalled" ? walledEveryMs : everyMs);
}
