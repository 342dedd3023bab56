import { createHash } from "node:crypto";
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseSha, type Sha } from "../../run/identity.ts";
import { type BaseName, familyOf, parseBaseName, printBaseName, readGeneration } from "../names.ts";
import { openForward } from "./forward.ts";
import { demandGit, runGit } from "./run-git.ts";
import { observeSize } from "./size.ts";

export interface Base {
  base: BaseName;
  tip: Sha;
}

/** A base as it lies there. */
export interface BaseState {
  base: BaseName;
  /** Epoch milliseconds. Each use makes it another number, so that whoever decides by it can say which one he saw. */
  usedAtMs: number;
  bytes: number;
  /** One for each fetch since it was last repacked. */
  packs: number;
}

export type FetchedBase =
  | { at: "fetched"; base: BaseName; tip: Sha; rebuilt: boolean }
  | { at: "branch-missing" }
  | { at: "failed"; stderr: string };

const incoming = "refs/airlock/incoming";
/** In each base: when it was used last. */
const usedFile = "airlock-used";
const fetchOptions = [
  "--quiet",
  "--no-tags",
  "--no-write-fetch-head",
  "--no-recurse-submodules",
  "--no-auto-maintenance",
  "--refmap=",
];

/** The base repositories under one folder. One call at a time for one branch, but for those that only look: the caller sees to that. */
export class Bases {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  path(base: BaseName): string {
    return join(this.#folder, `${base}.git`);
  }

  /** What all generations of a branch's base have in common. */
  family(of: { repositoryId: number; branch: string }): string {
    return familyOf(printBaseName({ repositoryId: of.repositoryId, branchKey: keyOf(of.branch), generation: 0 }));
  }

  async list(): Promise<BaseName[]> {
    const names = await readdir(this.#folder);
    return names.flatMap((name) => (name.endsWith(".git") ? (parseBaseName(name.slice(0, -4)) ?? []) : []));
  }

  async survey(): Promise<BaseState[]> {
    const states: BaseState[] = [];
    for (const base of await this.list()) {
      const usedAtMs = await this.#usedAtMs(base);
      // Gone meanwhile.
      if (usedAtMs === undefined) continue;
      const packs = await readdir(join(this.path(base), "objects", "pack")).catch(() => []);
      states.push({
        base,
        usedAtMs,
        bytes: await observeSize(this.path(base)),
        packs: packs.filter((name) => name.endsWith(".pack")).length,
      });
    }
    return states;
  }

  /** The newest generation of a branch's base. */
  async find(of: { repositoryId: number; branch: string }): Promise<Base | undefined> {
    const family = this.family(of);
    const names = (await this.list())
      .filter((name) => familyOf(name) === family)
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
      if (known) await removeUnfinished(target);
      else await rm(target, { recursive: true, force: true });
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

  /** Notes that a base is used now. False where it is gone. */
  async use(base: BaseName): Promise<boolean> {
    const before = await this.#usedAtMs(base);
    if (before === undefined) return false;
    await noteUse(this.path(base), before);
    return true;
  }

  /** Removes a base, unless it was used since whoever wants it gone looked. False: it stays. */
  async remove({ base, usedAtMs }: { base: BaseName; usedAtMs: number }): Promise<boolean> {
    if ((await this.#usedAtMs(base)) !== usedAtMs) return false;
    // Renamed first: one that is half removed would still have its branch, and be taken for a base.
    const gone = join(this.#folder, `gone-${crypto.randomUUID()}`);
    await rename(this.path(base), gone);
    await rm(gone, { recursive: true, force: true });
    return true;
  }

  /** Makes one pack of all that the branch reaches, and drops the rest: never where a run leans on the base, which may lean on any of it.
   *  Not done either where the base was used since whoever wants it looked. */
  async repack({ base, usedAtMs }: { base: BaseName; usedAtMs: number }): Promise<boolean> {
    if ((await this.#usedAtMs(base)) !== usedAtMs) return false;
    const gitDir = this.path(base);
    try {
      await demandGit({ gitDir, args: ["repack", "-a", "-d", "--quiet"], timeoutMs: 600_000 });
    } finally {
      await removeUnfinished(gitDir);
    }
    return true;
  }

  /** Takes away what a process that was killed left half done. Only before anything is begun. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#folder))
      if (/^(new|gone)-/.test(name)) await rm(join(this.#folder, name), { recursive: true, force: true });
    for (const base of await this.list()) await removeUnfinished(this.path(base));
  }

  async #usedAtMs(base: BaseName): Promise<number | undefined> {
    const noted = await readFile(join(this.path(base), usedFile), "utf8").catch(() => "");
    if (/^\d{1,16}$/.test(noted)) return Number(noted);
    // Made by an earlier version, which noted nothing.
    return stat(this.path(base)).then(
      (seen) => Math.floor(seen.mtimeMs),
      () => undefined,
    );
  }

  async #advance(of: { repositoryId: number; branch: string; known: Base }): Promise<FetchedBase> {
    const gitDir = this.path(of.known.base);
    const ref = `refs/heads/${of.branch}`;
    const tip = await demandGit({ gitDir, args: ["rev-parse", "--verify", "--end-of-options", `${incoming}^{commit}`] });
    const forward = await runGit({ gitDir, args: ["merge-base", "--is-ancestor", of.known.tip, tip] });
    if (forward.exitCode === 0) {
      await demandGit({ gitDir, args: ["update-ref", ref, tip, of.known.tip] });
      await this.use(of.known.base);
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
    await noteUse(of.folder, 0);
    const base = printBaseName({ repositoryId: of.repositoryId, branchKey: keyOf(of.branch), generation: of.generation });
    await rename(of.folder, this.path(base));
    const tip = await this.#tip(base, of.branch);
    if (!tip) throw new Error(`${base} has no ${of.branch} after it was fetched`);
    return { at: "fetched", base, tip };
  }

  async #nextGeneration(of: { repositoryId: number; branch: string }): Promise<number> {
    const family = this.family(of);
    const used = (await this.list()).filter((name) => familyOf(name) === family).map(readGeneration);
    return Math.max(0, ...used) + 1;
  }

  async #tip(base: BaseName, branch: string): Promise<Sha | undefined> {
    const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `refs/heads/${branch}^{commit}`];
    const result = await runGit({ gitDir: this.path(base), args });
    return result.exitCode === 0 ? parseSha(result.stdout.toString("utf8").trim()) : undefined;
  }
}

async function noteUse(folder: string, beforeMs: number): Promise<void> {
  const fresh = join(folder, `.${usedFile}`);
  await writeFile(fresh, String(Math.max(Date.now(), beforeMs + 1)));
  await rename(fresh, join(folder, usedFile));
}

/** Packs that were not received or written to their end. */
async function removeUnfinished(gitDir: string): Promise<void> {
  const folder = join(gitDir, "objects", "pack");
  for (const name of await readdir(folder).catch(() => []))
    if (/^(tmp_|\.tmp-)/.test(name)) await rm(join(folder, name), { force: true });
}

function keyOf(branch: string): string {
  return createHash("sha256").update(branch).digest("hex").slice(0, 16);
}
