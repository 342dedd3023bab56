/** What a token is for, and the least that this takes. Nothing else is ever asked for. */
export const duties = {
  /** Looks at who asks and answers no: permission of the sender, reactions, the refusal's comment. */
  doorman: { metadata: "read", issues: "write", pull_requests: "write" },
  /** Sees whether a repository is still there, and where. */
  finder: { metadata: "read" },
  /** Reads the repository: pins, base fetch. */
  fetcher: { contents: "read" },
  /** Makes the start commit and its branch; revoked at once. */
  starter: { contents: "write" },
  /** Pushes the inspected ref; minted at the push, revoked right after. */
  publisher: { contents: "write" },
  /** The same where a person has released changes of workflow files, and the operator gave the App the permission for it. */
  publisherOfWorkflows: { contents: "write", workflows: "write" },
  /** The one that a firewalled sandbox holds: what `git push` and `gh pr create` take, in this one repository. */
  insider: { contents: "write", pull_requests: "write" },
  /** The gateway's, for what a run reads of its repository through the API. */
  reader: { contents: "read", issues: "read", pull_requests: "read", checks: "read", actions: "read" },
  /** Check run, comment, label, pull request. */
  reporter: { checks: "write", issues: "write", pull_requests: "write" },
} as const satisfies Record<string, Readonly<Record<string, "read" | "write">>>;

export type Duty = keyof typeof duties;

const levels = ["none", "read", "write", "admin"];

/** The permissions that are asked for and not held, as people read them: "Checks: read and write". */
export function missingPermissions(wanted: Readonly<Record<string, string>>, held: Readonly<Record<string, string>>): string[] {
  return Object.entries(wanted)
    .filter(([name, level]) => name !== "metadata" && levels.indexOf(held[name] ?? "none") < levels.indexOf(level))
    .map(
      ([name, level]) =>
        `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll("_", " ")}: ${level === "write" ? "read and write" : "read-only"}`,
    );
}
