import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { forgetFixed } from "./fixed-answers.ts";
import { git, tryGit } from "./git.ts";
import { type Account, type Repository, type Role, timestamp, type World } from "./state.ts";

export interface RepositoryRequest {
  owner: Account;
  name: string;
  /** Path to content, as the first commit. Nothing is committed where the folder holds a repository already. */
  files: Record<string, string>;
  private?: boolean;
  parent?: Repository;
  roles?: Map<number, Role>;
}

const settings = `[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\thideRefs = refs/pull
\tfsckObjects = true
\tdenyDeleteCurrent = refuse
[gc]
\tauto = 0
[core]
\tlogAllRefUpdates = false
`;

/** A bare repository under the world's folder, configured as GitHub's servers are: any object by name, partial clones, refs/pull hidden. */
export async function createRepository(world: World, request: RepositoryRequest): Promise<Repository> {
  const folder = freeFolder(world, join(world.folder, request.owner.login, request.name));
  await mkdir(folder, { recursive: true });
  await git(folder, ["init", "--quiet", "--bare", "--initial-branch=main", folder]);
  await appendFile(join(folder, "config"), settings);
  forgetFixed(folder);
  if (request.parent !== undefined) await git(folder, ["fetch", "--quiet", request.parent.folder, "+refs/heads/*:refs/heads/*"]);
  const isEmpty = (await tryGit(folder, ["rev-parse", "--verify", "--quiet", "refs/heads/main"])) === undefined;
  if (isEmpty && Object.keys(request.files).length > 0)
    await git(folder, ["fast-import", "--quiet"], { input: firstCommit(world, request.files) });
  const at = timestamp(world.nowMs());
  const repository: Repository = {
    id: world.nextId(),
    owner: request.owner,
    name: request.name,
    private: request.private ?? false,
    parent: request.parent,
    defaultBranch: "main",
    folder,
    createdAt: at,
    pushedAt: at,
    archived: false,
    sizeKiB: 1,
    gone: new Map(),
    formerBranches: new Map(),
    roles: request.roles ?? new Map(),
    labels: [],
    issues: new Map(),
    comments: new Map(),
    checkSuites: new Map(),
    checkRuns: new Map(),
    workflows: [],
    workflowRuns: new Map(),
  };
  world.repositories.set(repository.id, repository);
  return repository;
}

/** A repository keeps its folder when it is renamed: who takes the name then gets another one. */
function freeFolder(world: World, path: string): string {
  const taken = new Set([...world.repositories.values()].map(({ folder }) => folder));
  for (let nth = 1; ; nth++) {
    const folder = nth === 1 ? `${path}.git` : `${path}.${nth}.git`;
    if (!taken.has(folder)) return folder;
  }
}

function firstCommit(world: World, files: Record<string, string>): Buffer {
  const data = (content: string): Buffer[] => [
    Buffer.from(`data ${Buffer.byteLength(content)}\n`),
    Buffer.from(content),
    Buffer.from("\n"),
  ];
  const parts = [
    Buffer.from(
      `commit refs/heads/main\ncommitter Maintainer <maintainer@example.com> ${Math.floor(world.nowMs() / 1000)} +0000\n`,
    ),
    ...data("Begin\n"),
    ...Object.entries(files).flatMap(([path, content]) => [
      Buffer.from(`M 100644 inline ${JSON.stringify(path)}\n`),
      ...data(content),
    ]),
    Buffer.from("done\n"),
  ];
  return Buffer.concat(parts);
}
