import type { Actor } from "./call.ts";
import { tryGit } from "./git.ts";
import { covers } from "./tokens.ts";

/** Files that GitHub Actions would run: an App changes them only with a permission of their own. */
export function isWorkflow(path: string): boolean {
  return path.startsWith(".github/workflows/");
}

/** GitHub's sentence, or undefined where the actor may change workflows (users' tokens here have every scope). */
export function workflowRefusal(actor: Actor, path: string): string | undefined {
  if (actor.kind !== "installation" || covers(actor.token.permissions, "workflows", "write")) return undefined;
  return `refusing to allow a GitHub App to create or update workflow \`${path}\` without \`workflows\` permission`;
}

/** The first workflow file that a commit changes which no ref reaches yet. `env` points git at objects in quarantine. Undefined too where
 *  objects are missing: git itself refuses such a push. */
export async function findNewWorkflowChange(
  folder: string,
  tip: string,
  env: Record<string, string> = {},
): Promise<string | undefined> {
  const args = ["log", "-z", "-c", "--no-renames", "--name-only", "--format=", tip, "--not", "--all", "--", ".github/workflows/"];
  const out = await tryGit(folder, args, { env });
  return out
    ?.split("\0")
    .map((path) => path.trim())
    .find((path) => path !== "");
}
