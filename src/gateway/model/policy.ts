/** ◆ What a request of the Messages API may ask the far end to do: think, and nothing else. */
import { countBody, messagesBody } from "./body.ts";
import { count, flag, list, object, text } from "./form.ts";

export interface ModelPolicy {
  /** Exact names; absent: every model. */
  allowedModels?: readonly string[];
  /** What the run may spend in all; absent: without limit. */
  budget?: { microUsd?: number; tokens?: number };
  /** The App is asked before each call: money is counted over all runs too. */
  capped?: boolean;
  /** Of this door alone; absent: 8 at once, 60 a minute. */
  pace?: { atOnce: number; perMinute: number };
}

export type BodyDecision = { allowed: true } | { allowed: false; rule: string; why: string; grant?: string };

/** `kind`: which endpoint the body is for. A refusal names the rule and the place in the body. */
export function decideBody(body: unknown, policy: ModelPolicy, kind: "messages" | "count" = "messages"): BodyDecision {
  const found = (kind === "messages" ? messagesBody : countBody)(body, "");
  if (found) return { allowed: false, rule: found.rule, why: `${found.path || "the body"}: ${found.why}`, grant: afterReview };
  const { model } = body as { model: string };
  if (policy.allowedModels && !policy.allowedModels.includes(model)) {
    const why = `the model ${JSON.stringify(model).slice(0, 100)} is not among those of this run (${policy.allowedModels.join(", ")})`;
    return {
      allowed: false,
      rule: "model.not-allowed",
      why,
      grant: "The operator names it in AIRLOCK_MODEL or AIRLOCK_SMALL_MODEL",
    };
  }
  return { allowed: true };
}

/** A door's order, from the App. Undefined: it is not understood, and no door is opened on a guess. */
export function parseModelPolicy(value: unknown): ModelPolicy | undefined {
  return policyForm(value, "") === undefined ? (value as ModelPolicy) : undefined;
}

const money = count(0, Number.MAX_SAFE_INTEGER);
const policyForm = object(
  {},
  {
    allowedModels: list(text()),
    budget: object({}, { microUsd: money, tokens: money }),
    capped: flag,
    pace: object({ atOnce: count(1, 64), perMinute: count(1, 100_000) }),
  },
);

const afterReview =
  "It is allowed only by a change of Airlock's policy for the pinned Claude Code (npm run agent:bump); nothing inside the sandbox can";
