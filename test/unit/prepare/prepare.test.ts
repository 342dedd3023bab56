import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { BaseName } from "../../../src/git/names.ts";
import { type PrepareParts, prepareRun } from "../../../src/prepare/prepare.ts";
import type { RunRequest } from "../../../src/run/request.ts";
import type { Store } from "../../../src/store/open.ts";
import { findPaper } from "../../../src/store/queries/papers.ts";
import { httpError } from "../../helpers/http-error.ts";
import { addHeldRun, openTestStore, sha } from "../../helpers/store.ts";

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store[Symbol.asyncDispose]());

let reached: boolean;
let made: number;
beforeEach(() => {
  [reached, made, unread] = [true, 0, undefined];
});
const said = (text: string, exitCode = 0) => ({ exitCode, stdout: Buffer.from(text), stderr: "", truncated: false });
const git = {
  findBase: async () => ({ base: "500-main-1", tip: sha("b") }),
  ensureRunRepository: async () => void made++,
  git: async (_: unknown, [verb]: string[]) => (verb === "cat-file" ? said("", reached ? 0 : 128) : said("")),
};
let unread: unknown;
const iterator = async function* () {
  if (unread) throw unread;
  yield { data: [] };
};
const api = { paginate: { iterator }, rest: { issues: { listComments: {} } } };
const prepare = async (number: number, request: Partial<RunRequest>) => {
  const run = await addHeldRun(store, { name: `prepare${"abcdefgh".charAt(number)}`, number, request });
  const parts = { db: store.db, git, grants: { keep: async () => api }, line: { here: { labels: [] } }, maximum: {} };
  const of = { pins: { targetBranch: "main", baseSha: sha("a") }, branch: "agent/issue-1" };
  const fact = await prepareRun({ ...parts, redact: (text: string) => text } as unknown as PrepareParts, run, of, async () => [
    "500-main-1" as BaseName,
  ]);
  return { fact, prompt: await findPaper(store.db, run.id, "prompt") };
};

it("gives the agent what the command asked for, also where its run is made again", async () => {
  const command = await prepare(1, { cause: { kind: "command", commentId: 1, instructions: "Mind the umlauts." } });
  expect(command.prompt).toContain("Mind the umlauts.");
  const again = await prepare(2, { cause: { kind: "rerun", checkRunId: 1, instructions: "Mind the umlauts." } });
  expect(again.prompt).toContain("Mind the umlauts.");
  const label = await prepare(3, { cause: { kind: "rerun", checkRunId: 1 } });
  expect(label.prompt).not.toMatch(/begin \w+ instructions/);
});

it("refuses with words what was force-pushed away since it was pinned", async () => {
  reached = false;
  const { fact } = await prepare(4, {});
  expect(fact).toMatchObject({ is: "refused", reason: { code: "prepare.branch-forced" } });
  expect(made).toBe(0);
});

it("goes on without comments where the issue is gone, and says so", async () => {
  unread = httpError(410, { message: "This issue was deleted" });
  expect((await prepare(5, {})).fact).toMatchObject({ is: "prepared", removed: [expect.stringMatching(/^all comments/)] });
  unread = httpError(502);
  await expect(prepare(6, {})).rejects.toBe(unread);
});
