/** ◆ Which git commands the App may have run in a repository that an agent wrote to. */

export type VerbDecision = { allowed: true } | { allowed: false; why: string };

const plumbing = new Set([
  "cat-file",
  "commit-tree",
  "count-objects",
  "diff",
  "diff-tree",
  "for-each-ref",
  "format-patch",
  "hash-object",
  "log",
  "ls-tree",
  "merge-base",
  "mktree",
  "name-rev",
  "patch-id",
  "rev-list",
  "rev-parse",
  "show",
  "symbolic-ref",
  "update-ref",
]);

/** Options that write files, read files of the host, or start programs. Git takes unambiguous beginnings too ("--outp"). */
const refusedOptions = [
  "--output",
  "--output-directory",
  "--ext-diff",
  "--textconv",
  "--filters",
  "--no-index",
  "--exec",
  "--order-file",
  "--path",
];

/** The App is trusted, but its arguments carry names that the agent chose: one of them must not become an option with an effect. */
export function decideVerb(args: readonly string[], env: Readonly<Record<string, string>>): VerbDecision {
  const [subcommand, ...rest] = args;
  if (subcommand === undefined || !plumbing.has(subcommand))
    return refuse(`git ${subcommand} is not among the commands of this host`);
  for (const arg of args) if (arg.includes("\0")) return refuse("an argument contains NUL");
  for (const arg of rest) {
    // What follows is a name, whatever it looks like.
    if (arg === "--end-of-options" || arg === "--") break;
    const option = arg.split("=")[0] ?? "";
    if (option.length > 4 && refusedOptions.some((refused) => refused.startsWith(option)))
      return refuse(`${option} is not allowed here`);
    if (/^-[oO]/.test(arg)) return refuse(`${arg} is not allowed here`);
  }
  if (subcommand === "format-patch" && !rest.includes("--stdout")) return refuse("format-patch needs --stdout");
  if (subcommand === "hash-object" && !rest.includes("--stdin")) return refuse("hash-object needs --stdin");
  for (const [name, value] of Object.entries(env)) {
    if (!/^GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)$/.test(name) || value.includes("\0")) return refuse(`${name} may not be set`);
  }
  return { allowed: true };
}

function refuse(why: string): VerbDecision {
  return { allowed: false, why };
}
