import type { ModelPolicy } from "../gateway/model/policy.ts";
import type { RunLimits } from "../run/limits.ts";
import { priorityOf } from "../run/priority.ts";
import type { CompleteSettings } from "../settings.ts";
import type { LineWish } from "../store/queries/slots.ts";

const defaultModel = "claude-sonnet-5";
const defaultSmallModel = "claude-haiku-5-5";

export function modelOf({ model }: Pick<CompleteSettings, "model">): string {
  return model.name ?? defaultModel;
}

/** The run's model, and the one that the pinned Claude Code takes for small work. */
export function modelPolicyOf({ model, limits }: CompleteSettings): ModelPolicy {
  const { budgetMicroUsd: microUsd, budgetTokens: tokens } = limits;
  return {
    allowedModels: [modelOf({ model }), model.smallName ?? defaultSmallModel],
    ...(limits.caps.length > 0 && { capped: true }),
    budget: { ...(microUsd !== undefined && { microUsd }), ...(tokens !== undefined && { tokens }) },
    pace: { atOnce: limits.modelCallsAtOnce, perMinute: limits.modelCallsPerMinute },
  };
}

export function lineOf({ scale, limits }: CompleteSettings, machine: string): LineWish {
  return {
    here: { machine, labels: scale.labels },
    limits: {
      machine: limits.concurrency,
      ...(scale.total !== undefined && { total: scale.total }),
      ...(scale.repository !== undefined && { repository: scale.repository }),
    },
    priorityOf: (repository) => priorityOf(scale.priorities, repository),
  };
}

/** What a run may use at most: its repository may lower each. */
export function maximumOf({ limits }: CompleteSettings): RunLimits {
  const { concurrency: _, caps: __, modelCallsAtOnce: ___, modelCallsPerMinute: ____, ...maximum } = limits;
  return maximum;
}
