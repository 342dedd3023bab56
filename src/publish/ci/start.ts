import { passesFilter } from "./filter.ts";
import { asList, type Workflow } from "./workflow.ts";

/** What is about to happen on GitHub. */
export interface Push {
  /** Without refs/heads/. */
  branch: string;
  /** Where its pull requests go: the run's own, and any other that is open from the same branch. */
  targets: readonly string[];
}

/** Events that neither a push to a branch nor its pull request brings about, or only by a person's own act later. */
const others = new Set([
  ...["branch_protection_rule", "create", "delete", "discussion", "discussion_comment", "fork", "gollum", "image_version"],
  ...["issue_comment", "issues", "label", "merge_group", "milestone", "project", "project_card", "project_column", "public"],
  ...["pull_request_review", "pull_request_review_comment", "registry_package", "release", "repository_dispatch", "schedule"],
  ...["watch", "workflow_call", "workflow_dispatch"],
]);

/**
 * Of pull_request: what only a person does, later and by an act of its own. Every other type counts as started by the pull request:
 * opening, pushing and rewriting are, code owners are asked for a review by GitHub itself, and types of tomorrow are unknown.
 */
const personsTypes = new Set([
  ...["assigned", "unassigned", "labeled", "unlabeled", "closed", "converted_to_draft", "ready_for_review", "locked", "unlocked"],
  ...[
    "review_request_removed",
    "milestoned",
    "demilestoned",
    "enqueued",
    "dequeued",
    "auto_merge_enabled",
    "auto_merge_disabled",
  ],
]);

/**
 * ◆ Whether the workflow would be started by this push or its pull request. Doubt is a yes: an event that did not exist when this was
 * written, a filter that cannot be read, and filters on paths, which the next push may satisfy.
 */
export function isStarted(workflow: Workflow, push: Push): boolean {
  return [...workflow.on].some(([event, settings]) => {
    if (event === "push") return passesPush(settings, push.branch);
    if (event === "pull_request" || event === "pull_request_target")
      return push.targets.some((target) => passesPull(settings, target));
    return !others.has(event);
  });
}

function passesPush(settings: Record<string, unknown> | null, branch: string): boolean {
  if (!settings) return true;
  const { branches, "branches-ignore": ignored, tags, "tags-ignore": tagsIgnored } = settings;
  // Filters on tags alone leave branches out.
  if (branches === undefined && ignored === undefined && (tags !== undefined || tagsIgnored !== undefined)) return false;
  return passesBranches(branches, ignored, branch);
}

function passesPull(settings: Record<string, unknown> | null, target: string): boolean {
  if (!settings) return true;
  const types = settings.types === undefined ? undefined : asList(settings.types);
  if (types && types.length > 0 && types.every((type) => personsTypes.has(type))) return false;
  return passesBranches(settings.branches, settings["branches-ignore"], target);
}

function passesBranches(branches: unknown, ignored: unknown, branch: string): boolean {
  if (branches !== undefined) {
    const patterns = asList(branches);
    // An empty list may mean none or all.
    return !patterns?.length || passesFilter(patterns, branch) !== false;
  }
  if (ignored !== undefined) {
    const patterns = asList(ignored);
    return patterns === undefined || passesFilter(patterns, branch) !== true;
  }
  return true;
}
