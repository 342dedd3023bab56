import { type Api, statusOf } from "../github/api.ts";

interface Issue {
  owner: string;
  repo: string;
  number: number;
}

/** Makes the label where it is missing; one that is there is left as the repository likes it. */
export async function ensureLabelExists(
  api: Api,
  input: { owner: string; repo: string; name: string; color: string; description: string },
): Promise<void> {
  try {
    await api.rest.issues.createLabel(input);
  } catch (error) {
    // 422: it exists.
    if (statusOf(error) !== 422) throw error;
  }
}

export async function ensureLabel(api: Api, issue: Issue, name: string): Promise<void> {
  await api.rest.issues.addLabels({ owner: issue.owner, repo: issue.repo, issue_number: issue.number, labels: [name] });
}

export async function ensureNoLabel(api: Api, issue: Issue, name: string): Promise<void> {
  try {
    await api.rest.issues.removeLabel({ owner: issue.owner, repo: issue.repo, issue_number: issue.number, name });
  } catch (error) {
    // 404: it is not there, which is what is wanted.
    if (statusOf(error) !== 404) throw error;
  }
}
