import type { RunId } from "../../run/identity.ts";
import { type Budget, createBudget, type Pay } from "./budget.ts";
import type { Caps } from "./caps.ts";
import { openLedger } from "./ledger.ts";
import { createPace, type Pace } from "./pace.ts";
import type { ModelPolicy } from "./policy.ts";

/** What one door's calls of the model API pass, beside the policy for their bodies. */
export interface ModelGate {
  messages: Pace;
  /** Counting is free, and Claude Code does it thirty times at once. */
  counting: Pace;
  /** Absent: the run may spend without limit. */
  budget: Budget | undefined;
}

export const defaultPace = { atOnce: 8, perMinute: 60 } as const;

/** `folder`: where the run's spending is kept. */
export function openModelGate(of: { policy: ModelPolicy; folder: string; run: RunId; caps: Caps }): ModelGate {
  const { atOnce, perMinute } = of.policy.pace ?? defaultPace;
  const { run, caps } = of;
  const limit = of.policy.budget ?? (of.policy.capped ? {} : undefined);
  const pay: Pay | undefined = of.policy.capped ? (sizes, gone) => caps.pay({ run, sizes, gone }) : undefined;
  return {
    messages: createPace({ atOnce, perMinute }),
    counting: createPace({ atOnce, perMinute: perMinute * 5 }),
    budget: limit && createBudget({ ledger: openLedger(of.folder, run), limit, pay }),
  };
}
