/** ◆ Which deliveries can ask for anything, by event and action: the rest of GitHub's log need not be read whole to be ignored. */
const heard: Readonly<Record<string, readonly string[]>> = {
  issues: ["labeled", "unlabeled", "edited", "closed"],
  issue_comment: ["created"],
  pull_request: ["synchronize", "closed"],
  check_run: ["rerequested", "requested_action"],
  check_suite: ["rerequested"],
  installation: ["created", "deleted", "suspend"],
  installation_repositories: ["added", "removed"],
  installation_target: ["renamed"],
  repository: ["renamed", "transferred", "archived", "deleted"],
};

/** False only where `parseTrigger` ignores every delivery of this event and action. */
export function mayAsk(event: string, action: string | null): boolean {
  return action !== null && (heard[event]?.includes(action) ?? false);
}
