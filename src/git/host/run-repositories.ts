import { lstat, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseRunId, type RunId, type Sha } from "../../run/identity.ts";
import { type BaseName, parseBaseName } from "../names.ts";
import { openForward } from "./forward.ts";
import { demandGit, type GitResult, runGit } from "./run-git.ts";

export interface RunRepositoryWish {
  run: RunId;
  /** The exact generations whose objects it shares. */
  bases: BaseName[];
  /** Branches as the agent finds them; the first is HEAD. Their commits lie in the bases. */
  branches: { name: string; sha: Sha }[];
}

/** The run repositories under one folder: bare, one for each run, sharing objects with bases. */
export class RunRepositories {
  readonly folder: string;
  readonly #basesFolder: string;

  constructor(folders: { runs: string; bases: string }) {
    this.folder = folders.runs;
    this.#basesFolder = folders.bases;
  }

  path(run: RunId): string {
    return join(this.folder, `${run}.git`);
  }

  async has(run: RunId): Promise<boolean> {
    return lstat(this.path(run)).then(
      (seen) => seen.isDirectory(),
      () => false,
    );
  }

  /** Makes a run's repository, or leaves the one that is there as it is: the agent may have pushed to it. */
  async ensure(wish: RunRepositoryWish): Promise<{ made: boolean }> {
    if (await this.has(wish.run)) return { made: false };
    const [head] = wish.branches;
    if (!head) throw new Error("A run repository needs a branch");
    const folder = join(this.folder, `new-${crypto.randomUUID()}`);
    try {
      await demandGit({ args: ["init", "--quiet", "--bare", "--template=", "--end-of-options", folder] });
      const alternates = wish.bases.map((base) => `${join(this.#basesFolder, `${base}.git`, "objects")}\n`).join("");
      await writeFile(join(folder, "objects", "info", "alternates"), alternates);
      for (const { name, sha } of wish.branches) {
        await demandGit({ gitDir: folder, args: ["cat-file", "-e", `${sha}^{commit}`] });
        await demandGit({ gitDir: folder, args: ["update-ref", `refs/heads/${name}`, sha, ""] });
      }
      await demandGit({ gitDir: folder, args: ["symbolic-ref", "HEAD", `refs/heads/${head.name}`] });
      await rename(folder, this.path(wish.run));
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return { made: true };
  }

  /** Pushes one commit to one ref through the App's transport, which lets nothing else pass. */
  async push(wish: {
    run: RunId;
    old: Sha | null;
    new: Sha;
    ref: string;
    transportSocket: string;
    timeoutMs: number;
  }): Promise<GitResult> {
    await using forward = await openForward(wish.transportSocket);
    const args = [
      "push",
      "--porcelain",
      "--no-verify",
      "--no-signed",
      "--no-follow-tags",
      "--recurse-submodules=no",
      // The ref is taken only from where it was inspected to stand; an empty value: only if it does not exist.
      `--force-with-lease=${wish.ref}:${wish.old ?? ""}`,
      "--end-of-options",
      forward.url,
      `${wish.new}:${wish.ref}`,
    ];
    // Awaited here: the way out must stay open until git has ended.
    return await runGit({
      gitDir: this.path(wish.run),
      args,
      protocol: "http",
      config: forward.config,
      timeoutMs: wish.timeoutMs,
    });
  }

  async remove(run: RunId): Promise<void> {
    await rm(this.path(run), { recursive: true, force: true });
  }

  /** Takes away what a process that was killed left half made. Only before anything is begun. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.folder))
      if (name.startsWith("new-")) await rm(join(this.folder, name), { recursive: true, force: true });
  }

  /** Which runs have a repository, and which bases each of them leans on: a base in this list must stay. */
  async list(): Promise<{ run: RunId; bases: BaseName[] }[]> {
    const found: { run: RunId; bases: BaseName[] }[] = [];
    for (const name of await readdir(this.folder)) {
      const run = name.endsWith(".git") ? parseRunId(name.slice(0, -4)) : undefined;
      if (!run) continue;
      const alternates = await readFile(join(this.path(run), "objects", "info", "alternates"), "utf8");
      const bases = alternates.split("\n").flatMap(
        (line) =>
          parseBaseName(
            line
              .split("/")
              .at(-2)
              ?.replace(/\.git$/, ""),
          ) ?? [],
      );
      found.push({ run, bases });
    }
    return found;
  }
}
