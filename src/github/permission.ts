import { type Api, statusOf } from "./api.ts";

/** GitHub's legacy levels; custom roles answer with the one that they inherit from. */
export type Permission = "admin" | "write" | "read" | "none";

/**
 * What the person may do in the repository right now. Checked by id too: a login may have been taken over since the payload was signed.
 * GET /repos/{owner}/{repo}/collaborators/{username}/permission
 */
export async function readPermission(
  api: Api,
  input: { owner: string; repo: string; login: string; id: number },
): Promise<Permission> {
  try {
    const { data } = await api.rest.repos.getCollaboratorPermissionLevel({
      owner: input.owner,
      repo: input.repo,
      username: input.login,
    });
    if (data.user?.id !== input.id) return "none";
    const level = data.permission;
    return level === "admin" || level === "write" || level === "read" ? level : "none";
  } catch (error) {
    if (statusOf(error) === 404) return "none";
    throw error;
  }
}

export function mayRun(permission: Permission): boolean {
  return permission === "admin" || permission === "write";
}
