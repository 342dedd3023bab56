import { inRepository, type Reply, type RepositoryCall, type Routes, text, writer } from "../call.ts";
import { findRef, git, isAncestor, isGoodRefName, listRefs, tryGit } from "../git.ts";
import { GitHubError, notFound } from "../github-error.ts";
import { followRefUpdate, type RefUpdate, zeroSha } from "../refs.ts";
import { apiUrl } from "../render/repositories.ts";
import { nodeId } from "../state.ts";
import { findNewWorkflowChange, workflowRefusal } from "../workflows.ts";

export const gitRefRoutes: Routes = {
  "git/get-ref": inRepository(["contents:read"], "read", async (call) => ({
    status: 200,
    json: await renderRef(call, `refs/${text(call, "ref")}`),
  })),
  "git/list-matching-refs": inRepository(["contents:read"], "read", listMatching),
  "git/create-ref": inRepository(["contents:write"], "write", create),
  "git/update-ref": inRepository(["contents:write"], "write", update),
  "git/delete-ref": inRepository(["contents:write"], "write", remove),
};

async function create(call: RepositoryCall): Promise<Reply> {
  const { ref, sha } = call.body as { ref: string; sha: string };
  const { folder } = call.repository;
  if (!ref.startsWith("refs/") || ref.split("/").length < 3)
    throw new GitHubError(422, "Reference name must start with 'refs/' and contain at least two slashes.");
  if (!(await isGoodRefName(folder, ref))) throw new GitHubError(422, `${ref} is not a valid ref name.`);
  await mustExist(call, sha);
  if ((await findRef(folder, ref)) !== undefined) throw new GitHubError(422, "Reference already exists");
  await move(call, { ref, before: zeroSha, after: sha });
  const json = await renderRef(call, ref);
  return { status: 201, json, headers: { location: String(json.url) } };
}

async function update(call: RepositoryCall): Promise<Reply> {
  const { sha, force = false } = call.body as { sha: string; force?: boolean };
  const { folder } = call.repository;
  const ref = `refs/${text(call, "ref")}`;
  const before = await findRef(folder, ref);
  if (before === undefined) throw new GitHubError(422, "Reference does not exist");
  await mustExist(call, sha);
  if (!force && !(await isAncestor(folder, before, sha))) throw new GitHubError(422, "Update is not a fast forward");
  await move(call, { ref, before, after: sha });
  return { status: 200, json: await renderRef(call, ref) };
}

async function remove(call: RepositoryCall): Promise<Reply> {
  const ref = `refs/${text(call, "ref")}`;
  const before = await findRef(call.repository.folder, ref);
  if (before === undefined) throw new GitHubError(422, "Reference does not exist");
  await move(call, { ref, before, after: zeroSha });
  return { status: 204 };
}

/** Git itself holds the new value against the old: two callers can't both win. */
async function move(call: RepositoryCall, change: RefUpdate): Promise<void> {
  const { world, webhooks, repository } = call;
  const { ref, before, after } = change;
  if (after !== zeroSha) {
    const path = await findNewWorkflowChange(repository.folder, after);
    const refusal = path === undefined ? undefined : workflowRefusal(call.actor, path);
    if (refusal !== undefined) throw new GitHubError(403, refusal);
  }
  const moved = await tryGit(
    repository.folder,
    after === zeroSha ? ["update-ref", "-d", ref, before] : ["update-ref", ref, after, before],
  );
  if (moved === undefined) throw new GitHubError(409, "Reference cannot be updated");
  await followRefUpdate({ world, webhooks, repository, sender: writer(call.actor) }, change);
}

async function listMatching(call: RepositoryCall): Promise<Reply> {
  const wanted = `refs/${text(call, "ref")}`;
  const refs = (await listRefs(call.repository.folder, "refs/")).filter(({ ref }) => ref.startsWith(wanted));
  return { status: 200, json: refs.map(({ ref, sha, type }) => renderLine(call, { ref, sha, type })) };
}

async function renderRef(call: RepositoryCall, ref: string): Promise<Record<string, unknown>> {
  const sha = await findRef(call.repository.folder, ref);
  if (sha === undefined) throw notFound();
  const type = (await git(call.repository.folder, ["cat-file", "-t", sha])).trim();
  return renderLine(call, { ref, sha, type });
}

function renderLine(
  call: RepositoryCall,
  { ref, sha, type }: { ref: string; sha: string; type: string },
): Record<string, unknown> {
  const url = `${apiUrl(call.world, call.repository)}/git`;
  return {
    ref,
    node_id: nodeId("REF", call.repository.id) + Buffer.from(ref).toString("base64url"),
    url: `${url}/${ref}`,
    object: { sha, type, url: `${url}/${type}s/${sha}` },
  };
}

async function mustExist(call: RepositoryCall, sha: string): Promise<void> {
  if (!/^[0-9a-f]{40}$/.test(sha))
    throw new GitHubError(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].");
  if ((await tryGit(call.repository.folder, ["cat-file", "-e", sha])) === undefined)
    throw new GitHubError(422, "Object does not exist");
}
