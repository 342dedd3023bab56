import { type PathAction, type PathRule, stricter } from "../run/path-rule.ts";
import { type CanonPath, canonPath } from "./policy/canon.ts";
import { matchesGlob } from "./policy/glob.ts";
import { type Rule, rules } from "./policy/rules.ts";

export interface PathDecision {
  action: PathAction;
  /** Stable name of the rule that decided: "workflow", "agent-settings", "operator", "repository" … "none" where nothing speaks of the path. */
  rule: string;
  /** One sentence on why such a file matters. */
  why: string;
  /** What Airlock's own rule says, where the operator's is milder. */
  loosened?: { rule: string; action: PathAction };
}

export interface PathPolicy {
  /** What is done with workflow files: `hold` only where the App has GitHub's permission to write them. */
  workflows: "refuse" | "hold";
  /** The operator's, in order: the first that matches goes before our own table, but for what `kept` names. */
  paths?: readonly PathRule[];
  /** The repository's. All that match count, and none makes anything milder. */
  tighter?: readonly PathRule[];
}

/** What no operator's pattern makes milder: CI's powers have a setting of their own, and work must not take away the repository's rules. */
const kept = new Set(["workflow", "own-settings"]);

/** ◆ What is done with work that changes the path. `path`: as git names it, "/" between its parts. */
export function decidePath(path: string, policy: PathPolicy): PathDecision {
  const canon = canonPath(path);
  const own = decideByOwnRules(canon, policy);
  const operators = decideByOperator(canon, own, policy.paths ?? []);
  return decideByRepository(canon, operators, policy.tighter ?? []);
}

/** The first rule of the table that speaks of the path. */
function decideByOwnRules(canon: CanonPath, policy: PathPolicy): PathDecision {
  const rule: Rule | undefined = rules.find((each) => each.matches(canon));
  if (!rule) return { action: "allow", rule: "none", why: "" };
  const action = rule.name === "workflow" ? policy.workflows : rule.action;
  return { action, rule: rule.name, why: rule.why };
}

function decideByOperator(canon: CanonPath, own: PathDecision, paths: readonly PathRule[]): PathDecision {
  const said = paths.find(({ glob }) => matchesGlob(glob, canon));
  if (!said) return own;
  const action = kept.has(own.rule) ? stricter(own.action, said.action) : said.action;
  if (action === own.action) return own;
  const milder = stricter(own.action, action) === own.action;
  return {
    ...{ action, rule: "operator", why: `The operator's setting AIRLOCK_PATHS says ${action} for ${said.glob}` },
    ...(milder && { loosened: { rule: own.rule, action: own.action } }),
  };
}

function decideByRepository(canon: CanonPath, decided: PathDecision, tighter: readonly PathRule[]): PathDecision {
  const said = tighter
    .filter(({ glob }) => matchesGlob(glob, canon))
    .reduce<PathRule | undefined>(
      (most, each) => (most && stricter(most.action, each.action) === most.action ? most : each),
      undefined,
    );
  if (!said || stricter(decided.action, said.action) === decided.action) return decided;
  return {
    action: said.action,
    rule: "repository",
    why: `The repository's own .github/agent.yml says ${said.action} for ${said.glob}`,
  };
}
