import { rm } from "node:fs/promises";
import { Fault } from "../fault.ts";
import type { GitHost } from "../git/client.ts";
import type { RepositoryShape } from "../git/host/pack.ts";
import { parseSha, type RunId, type Sha } from "../run/identity.ts";
import type { Run } from "../run/state.ts";
import { openPart } from "./part.ts";

/**
 * Writes all that a run's repository reaches to `path`, its base's history included, so that it stands by itself wherever it is restored.
 * Undefined where there is no repository (any more). Also the commits that only the run's state names: what is held hangs on no ref.
 */
export async function packRepository(
  git: GitHost,
  { run, state, path }: { run: RunId; state: Run; path: string },
): Promise<{ shape: RepositoryShape; part: { bytes: number; sha256: string } } | undefined> {
  try {
    const shape = await readShape(git, run, state);
    const wants = [...new Set([...shape.refs.map(({ sha }) => sha), ...shape.commits])];
    const writer = await openPart(path);
    for await (const chunk of await git.readPack(run, wants)) await writer.write(chunk as Buffer);
    return { shape, part: await writer.end() };
  } catch (cause) {
    await rm(path, { force: true });
    if (!(await git.listRuns()).some((each) => each.run === run)) return undefined;
    throw new Fault("backup.work", `The repository of run ${run} could not be backed up`, {
      remedy: "Read the git host's log, which says why; cancel the run if its repository is damaged",
      cause,
    });
  }
}

async function readShape(git: GitHost, run: RunId, state: Run): Promise<RepositoryShape> {
  const ask = async (args: string[], input?: Uint8Array) => {
    const output = await git.git({ run }, args, input ? { input } : {});
    if (output.exitCode !== 0) throw new Error(`git ${args[0]}: ${output.stderr.slice(0, 200)}`);
    return output.stdout.toString("utf8");
  };
  const head = (await ask(["symbolic-ref", "HEAD"])).trim().replace(/^refs\/heads\//, "");
  const listed = await ask(["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"]);
  const refs = listed.split("\n").flatMap((line) => {
    const sha = parseSha(line.slice(0, 40));
    return sha ? [{ sha, name: line.slice(41) }] : [];
  });
  return { head, refs, commits: await findCommits(ask, namedIn(state)) };
}

/** ◆ Whatever looks like a commit in a run's state. */
export function namedIn(state: Run): Sha[] {
  return [...new Set([...JSON.stringify(state).matchAll(/"([0-9a-f]{40})"/g)].flatMap((match) => parseSha(match[1]) ?? []))];
}

/** Those of them that lie in this repository: a start commit, which GitHub made, need not. */
async function findCommits(ask: (args: string[], input: Uint8Array) => Promise<string>, named: Sha[]): Promise<Sha[]> {
  if (named.length === 0) return [];
  const seen = await ask(["cat-file", "--batch-check"], Buffer.from(`${named.join("\n")}\n`));
  const commits = new Set(seen.split("\n").flatMap((line) => /^([0-9a-f]{40}) commit \d+$/.exec(line)?.[1] ?? []));
  return named.filter((sha) => commits.has(sha));
}
