import { createHash } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseSha, type Sha } from "../../run/identity.ts";
import { type BaseName, parseBaseName, printBaseName, readGeneration } from "../names.ts";
import { openForward } from "./forward.ts";
import { demandGit, runGit } from "./run-git.ts";

export interface Base {
  base: BaseName;
  tip: Sha;
}

export type FetchedBase =
  | { at: "fetched"; base: BaseName; tip: Sha; rebuilt: boolean }
  | { at: "branch-missing" }
  | { at: "failed"; stderr: string };

const incoming = "refs/airlock/incoming";
const fetchOptions = [
  "--quiet",
  "--no-tags",
  "--no-write-fetch-head",
  "--no-recurse-submodules",
  "--no-auto-maintenance",
  "--refmap=",
];

/** The base repositories under one folder. One call at a time for one branch: the caller sees to that. */
export class Bases {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  path(base: BaseName): string {
    return join(this.#folder, `${base}.git`);
  }

  async list(): Promise<BaseName[]> {
    const names = await readdir(this.#folder);
    return names.flatMap((name) => (name.endsWith(".git") ? (parseBaseName(name.slice(0, -4)) ?? []) : []));
  }

  /** The newest generation of a branch's base. */
  async find(of: { repositoryId: number; branch: string }): Promise<Base | undefined> {
    const prefix = printBaseName({ repositoryId: of.repositoryId, branchKey: keyOf(of.branch), generation: 0 }).slice(0, -1);
    const names = (await this.list())
      .filter((name) => name.startsWith(prefix))
      .sort((a, b) => readGeneration(b) - readGeneration(a));
    for (const base of names) {
      const tip = await this.#tip(base, of.branch);
      if (tip) return { base, tip };
    }
    return undefined;
  }

  /** Brings a branch's base up to date through the App's transport. Forward: in place. Otherwise: a new generation that holds nothing
   *  of what was dropped, since whatever is in a base can be asked for by its name. */
  async fetch(of: { repositoryId: number; branch: string; transportSocket: string; timeoutMs: number }): Promise<FetchedBase> {
    await using forward = await openForward(of.transportSocket);
    const known = await this.find(of);
    const ref = `refs/heads/${of.branch}`;
    const target = known ? this.path(known.base) : await this.#begin();
    const args = ["fetch", ...fetchOptions, "--end-of-options", forward.url, `+${ref}:${known ? incoming : ref}`];
    const result = await runGit({ gitDir: target, args, protocol: "http", config: forward.config, timeoutMs: of.timeoutMs });
    if (result.exitCode !== 0) {
      if (!known) await rm(target, { recursive: true, force: true });
      const look = ["ls-remote", "--quiet", "--exit-code", "--end-of-options", forward.url, ref];
      const seen = await runGit({ args: look, protocol: "http", config: forward.config });
      return seen.exitCode === 2 ? { at: "branch-missing" } : { at: "failed", stderr: result.stderr };
    }
    if (!known)
      return { ...(await this.#finish({ ...of, folder: target, generation: await this.#nextGeneration(of) })), rebuilt: false };
    try {
      return await this.#advance({ ...of, known });
    } finally {
      await runGit({ gitDir: target, args: ["update-ref", "-d", incoming] });
    }
  }

  async remove(base: BaseName): Promise<void> {
    await rm(this.path(base), { recursive: true, force: true });
  }

  async #advance(of: { repositoryId: number; branch: string; known: Base }): Promise<FetchedBase> {
    const gitDir = this.path(of.known.base);
    const ref = `refs/heads/${of.branch}`;
    const tip = await demandGit({ gitDir, args: ["rev-parse", "--verify", "--end-of-options", `${incoming}^{commit}`] });
    const forward = await runGit({ gitDir, args: ["merge-base", "--is-ancestor", of.known.tip, tip] });
    if (forward.exitCode === 0) {
      await demandGit({ gitDir, args: ["update-ref", ref, tip, of.known.tip] });
      return { at: "fetched", base: of.known.base, tip: tip as Sha, rebuilt: false };
    }
    const folder = await this.#begin();
    try {
      await demandGit({
        gitDir: folder,
        args: ["fetch", ...fetchOptions, "--end-of-options", gitDir, `${incoming}:${ref}`],
        protocol: "file",
        timeoutMs: 600_000,
      });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return { ...(await this.#finish({ ...of, folder, generation: readGeneration(of.known.base) + 1 })), rebuilt: true };
  }

  /** A folder that no reader takes for a base until it is renamed. */
  async #begin(): Promise<string> {
    const folder = join(this.#folder, `new-${crypto.randomUUID()}`);
    await demandGit({ args: ["init", "--quiet", "--bare", "--template=", "--end-of-options", folder] });
    return folder;
  }

  async #finish(of: {
    repositoryId: number;
    branch: string;
    folder: string;
    generation: number;
  }): Promise<Base & { at: "fetched" }> {
    await demandGit({ gitDir: of.folder, args: ["symbolic-ref", "HEAD", `refs/heads/${of.branch}`] });
    const base = printBaseName({ repositoryId: of.repositoryId, branchKey: keyOf(of.branch), generation: of.generation });
    await rename(of.folder, this.path(base));
    const tip = await this.#tip(base, of.branch);
    if (!tip) throw new Error(`${base} has no ${of.branch} after it was fetched`);
    return { at: "fetched", base, tip };
  }

  async #nextGeneration(of: { repositoryId: number; branch: string }): Promise<number> {
    const prefix = printBaseName({ repositoryId: of.repositoryId, branchKey: keyOf(of.branch), generation: 0 }).slice(0, -1);
    const used = (await this.list()).filter((name) => name.startsWith(prefix)).map(readGeneration);
    return Math.max(0, ...used) + 1;
  }

  async #tip(base: BaseName, branch: string): Promise<Sha | undefined> {
    const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `refs/heads/${branch}^{commit}`];
    const result = await runGit({ gitDir: this.path(base), args });
    return result.exitCode === 0 ? parseSha(result.stdout.toString("utf8").trim()) : undefined;
  }
}

function keyOf(branch: string): string {
  return createHash("sha256").update(branch).digest("hex").slice(0, 16);
}
