import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { GitParts } from "../../src/github/git-parts.ts";
import type { Grants } from "../../src/github/grant.ts";
import { fetchBases } from "../../src/prepare/base.ts";
import { ensureFolder } from "../../src/privilege/folder.ts";
import { pushWork } from "../../src/publish/push.ts";
import type { Sha } from "../../src/run/identity.ts";
import type { RunRow } from "../../src/store/queries/runs.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { addCommit, closeServer } from "../helpers/git-upstream.ts";
import { requestOf } from "../helpers/store.ts";

let house: House;
let elsewhere: ReturnType<typeof createServer>;
let asked = 0;
let run: RunRow;
let old: Sha;
let parts: GitParts & Parameters<typeof fetchBases>[0] & Parameters<typeof pushWork>[0];
const branch = "main";

beforeAll(async () => {
  house = await openHouse();
  elsewhere = createServer((request, response) => {
    asked += 1;
    request.resume();
    response.writeHead(404).end();
  });
  elsewhere.listen(0, "127.0.0.1");
  await once(elsewhere, "listening");
  const transportFolder = join(house.folder, "t");
  await ensureFolder({ path: transportFolder, mode: 0o711 });
  // GitHub's API as it is where only git is led elsewhere.
  const rest = {
    repos: { get: async () => ({ data: { size: 1 } }) },
    git: { getRef: async () => ({ data: { object: { sha: old } } }) },
  };
  const grant = { token: house.upstream.token, api: { rest }, [Symbol.asyncDispose]: async () => {} };
  parts = {
    ...{ git: house.git, accounts: house.accounts, transportFolder, webUrl: house.upstream.url, network: {} },
    grants: { mint: async () => grant } as unknown as Grants,
    disk: { makeRoom: async () => 1e9 },
    log: pino({ level: "silent" }),
  };
}, 60_000);
afterAll(async () => {
  await closeServer(elsewhere);
  await house[Symbol.asyncDispose]();
});
beforeEach(async () => {
  house.upstream.answerWith = undefined;
  old = (await addCommit(house.upstream.git, { branch, path: "a.txt", text: "a" })) as Sha;
  run = { id: mintTestRun(), request: requestOf(1, { owner: "owner", name: "name", repositoryId: 7 }) } as RunRow;
});
afterEach(async () => {
  for (const each of await house.git.listRuns()) await house.git.removeRun(each.run);
  for (const base of await house.git.listBases()) await house.git.removeBase(base);
});

const fetchAll = () => fetchBases(parts, run, [branch]);
async function push() {
  const bases = await fetchAll();
  await house.git.ensureRunRepository({ run: run.id, bases, branches: [{ name: "work", sha: old }] });
  const made = await house.git.git({ run: run.id }, ["commit-tree", `${old}^{tree}`, "-p", old, "-m", "Work"], { env: author });
  const rebuilt = made.stdout.toString("utf8").trim() as Sha;
  return { rebuilt, to: () => pushWork(parts, run, { branch, old, rebuilt, duty: "publisher" }) };
}
const author = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" };
const answer = (status: number) => {
  const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/acme/other.git/info/refs`;
  house.upstream.answerWith = { status, headers: status < 400 ? { location } : {}, body: "no" };
};

describe("what GitHub answers to git", () => {
  it("is a fetch and a push where nothing is amiss: the control", async () => {
    const { rebuilt, to } = await push();
    expect(await to()).toEqual({ is: "pushed", head: rebuilt });
    expect((await house.upstream.git(["rev-parse", branch])).trim()).toBe(rebuilt);
  });

  it.each([301, 302, 307, 308])("is, with %i, that the repository has moved: nobody goes where it leads", async (status) => {
    const { to } = await push();
    answer(status);
    await expect(fetchAll()).rejects.toMatchObject({ code: "github.redirected" });
    await expect(to()).rejects.toMatchObject({ code: "github.redirected" });
    expect(asked).toBe(0);
  });

  it.each([403, 404])("is, with %i, a refusal that is told", async (status) => {
    const { to } = await push();
    answer(status);
    await expect(fetchAll()).rejects.toMatchObject({ code: "prepare.fetch" });
    expect(await to()).toMatchObject({ is: "work-refused" });
  });

  it.each([500, 503])("is, with %i, nothing that counts: it is tried again", async (status) => {
    const { to } = await push();
    answer(status);
    await expect(fetchAll()).rejects.toMatchObject({ code: "github.away" });
    await expect(to()).rejects.toMatchObject({ code: "github.away" });
  });
});
