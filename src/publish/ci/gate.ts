import type { Reason } from "../../run/outcome.ts";
import { findPowers } from "./judge.ts";
import { isExecutedByCi } from "./risky.ts";
import { isStarted, type Push } from "./start.ts";
import { parseWorkflow, type Workflow } from "./workflow.ts";

/** The workflow files of one commit. */
export interface WorkflowFiles {
  /** For people: "the branch", "main". */
  at: string;
  /** Undefined: the files are there and could not be read. */
  files: { path: string; text: string }[] | undefined;
}

const shown = 10;

/**
 * ◆ Why the push must wait for a person, because of what GitHub would run with what the agent wrote. Every workflow of every commit given is
 * looked at as if each could be started from each: GitHub reads `push` from the branch, `pull_request` from its merge with the target,
 * `pull_request_target` from the target and `workflow_run` from the default branch.
 */
export function decideGate(of: {
  ci: "hold" | "hold-risky" | "auto";
  read: readonly WorkflowFiles[];
  push: Push;
  changed: readonly string[];
}): Reason[] {
  if (of.ci === "auto") return [];
  const found = new Map<string, string>();
  const commands: string[] = [];
  const actions: string[] = [];
  let unread = false;
  for (const { at, files } of of.read) {
    if (!files) {
      unread = true;
      found.set(at, `The workflow files of ${at} could not be read, so it is not known what CI would do with the work.`);
      continue;
    }
    const parsed = new Map(files.map(({ path, text }) => [path, parseWorkflow(path, text)]));
    const started = [...parsed].filter(([, workflow]) => !workflow || isStarted(workflow, of.push));
    for (const [path, workflow] of started) {
      const powers = workflow ? findPowers(workflow, (called) => parsed.get(called)) : ["it cannot be read"];
      if (powers.length > 0) found.set(path, `${path} would run on this work, and ${powers.slice(0, 5).join("; ")}.`);
    }
    unread ||= started.some(([, workflow]) => !workflow);
    actions.push(...[...parsed.values()].flatMap((workflow) => (workflow ? localActionsOf(workflow) : [])));
    commands.push(...[...parsed.values()].flatMap((workflow) => (workflow ? commandsOf(workflow) : [])));
  }
  if (found.size === 0) return [];
  const reasons = [...found.values()].slice(0, shown).map((words) => ({ code: "publish.ci", words }));
  // Of a workflow that cannot be read it is not known either what it executes.
  if (of.ci === "hold" || unread) return reasons;
  const text = commands.join("\n");
  const risky = of.changed.filter((path) => isExecutedByCi(path, text, actions)).slice(0, 5);
  if (risky.length === 0) return [];
  return [
    { code: "publish.ci-risky", words: `The work changes what those workflows execute: ${risky.join(", ").slice(0, 300)}.` },
    ...reasons,
  ];
}

function commandsOf(workflow: Workflow): string[] {
  return [...workflow.jobs.values()].flatMap(({ steps }) =>
    Array.isArray(steps) ? steps.flatMap((step) => (typeof step?.run === "string" ? [step.run] : [])) : [],
  );
}

/** Folders of the repository that are used as actions: all that lies in one may be what runs. */
function localActionsOf(workflow: Workflow): string[] {
  return [...workflow.jobs.values()].flatMap(({ steps }) =>
    Array.isArray(steps)
      ? steps.flatMap((step) => (typeof step?.uses === "string" && step.uses.startsWith(".") ? [step.uses] : []))
      : [],
  );
}
