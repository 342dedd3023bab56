import type { CheckAction } from "./check-run.ts";

/** What a held run's check offers. The identifiers come back in `check_run.requested_action`. */
export const heldActions: CheckAction[] = [
  { label: "Publish", description: "Push exactly the work that was shown", identifier: "publish" },
  { label: "Discard", description: "Drop the work; the patch is kept", identifier: "discard" },
];
