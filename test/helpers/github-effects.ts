import { join } from "node:path";
import { createGitHubApp, type GitHubApp } from "../../src/github/app.ts";
import { createGrants, type Grants } from "../../src/github/grant.ts";
import { parseSha, type Sha } from "../../src/run/identity.ts";
import type { Pins } from "../../src/run/request.ts";
import { openSeal } from "../../src/secret/seal.ts";
import { Secret } from "../../src/secret/secret.ts";
import type { RunRow } from "../../src/store/queries/runs.ts";
import { type GitHubHouse, type Octokit, openGitHubHouse } from "./local-github.ts";
import { addHeldRun, openTestStore } from "./store.ts";

export interface Effects extends AsyncDisposable {
  house: GitHubHouse;
  store: Awaited<ReturnType<typeof openTestStore>>;
  app: GitHubApp;
  grants: Grants;
  maintainer: Octokit;
  repositoryId: number;
  mainPins(): Promise<Pins>;
  /** A commit on top of main, that nobody knows. */
  strangerCommit(message: string): Promise<Sha>;
  /** Makes it so much later for the grants. */
  passMs(spanMs: number): void;
  /** A run for this issue; an earlier one has ended with that. */
  newRun(name: string, number: number): Promise<RunRow>;
}

export const repo = { owner: "acme", repo: "shop" };

/** The App's own client and tokens, a real store, and a local GitHub that they work on. */
export async function openEffects(): Promise<Effects> {
  const house = await openGitHubHouse();
  const store = await openTestStore();
  const { github } = house;
  const privateKey = new Secret(github.app.privateKey);
  const app = createGitHubApp({ appId: github.app.id, privateKey, apiUrl: github.api, webHost: github.host });
  let laterMs = 0;
  const seal = openSeal(join(store.folder, "seal.key"));
  const grants = createGrants({
    app,
    db: store.db,
    seal,
    keepSecret: () => {},
    nowMs: () => Date.now() + laterMs,
    accounts: ["acme", "globex"],
  });
  const maintainer = house.as(github.users.maintainer.token);
  const repositoryId = (await maintainer.rest.repos.get(repo)).data.id;
  const mainPins = async (): Promise<Pins> => {
    const { data } = await maintainer.rest.git.getRef({ ...repo, ref: "heads/main" });
    return { targetBranch: "main", baseSha: shaOf(data.object.sha) };
  };
  return {
    ...{ house, store, app, grants, maintainer, repositoryId, mainPins },
    passMs(spanMs) {
      laterMs += spanMs;
    },
    async strangerCommit(message) {
      const { baseSha } = await mainPins();
      const { tree } = (await maintainer.rest.git.getCommit({ ...repo, commit_sha: baseSha })).data;
      const made = await maintainer.rest.git.createCommit({ ...repo, message, tree: tree.sha, parents: [baseSha] });
      return shaOf(made.data.sha);
    },
    async newRun(name, number) {
      await store.db.updateTable("runs").set({ at: "ended" }).where("subject_number", "=", number).execute();
      return addHeldRun(store, {
        name: `${name}${String(number).replaceAll(/\d/g, (digit) => "abcdefghij".charAt(Number(digit)))}z`,
        number,
        nowMs: Date.now(),
        request: { installationId: github.app.installationId, repositoryId, askedAtMs: Date.now() },
      });
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await house[Symbol.asyncDispose]();
    },
  };
}

function shaOf(text: string): Sha {
  const sha = parseSha(text);
  if (!sha) throw new Error(`no commit's name: ${text}`);
  return sha;
}
