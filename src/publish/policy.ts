import { canonPath } from "./policy/canon.ts";
import { type Rule, rules } from "./policy/rules.ts";

/** What happens to work that changes a path. From the strictest: not pushed at all; only by a person's word; as a draft; as it is. */
export type PathAction = "refuse" | "hold" | "draft" | "allow";

export interface PathDecision {
  action: PathAction;
  /** Stable name of the rule that decided: "workflow", "agent-settings" … "none" where no rule speaks of the path. */
  rule: string;
  /** One sentence on why such a file matters. */
  why: string;
}

export interface PathPolicy {
  /** What is done with workflow files: `hold` only where the App has GitHub's permission to write them. */
  workflows: "refuse" | "hold";
}

/** ◆ The first rule of the table that speaks of the path decides. `path`: as git names it, "/" between its parts. */
export function decidePath(path: string, policy: PathPolicy): PathDecision {
  const canon = canonPath(path);
  const rule: Rule | undefined = rules.find((each) => each.matches(canon));
  if (!rule) return { action: "allow", rule: "none", why: "" };
  const action = rule.name === "workflow" ? policy.workflows : rule.action;
  return { action, rule: rule.name, why: rule.why };
}
