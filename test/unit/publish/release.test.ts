import { afterAll, beforeAll, expect, it } from "vitest";
import { type ReleaseParts, releaseWork } from "../../../src/publish/release.ts";
import { findWord } from "../../../src/run/command.ts";
import type { Held } from "../../../src/run/state.ts";
import type { Store } from "../../../src/store/open.ts";
import { commandsOf, fileCommand } from "../../../src/store/queries/commands.ts";
import { addHeldRun, openTestStore, sha } from "../../helpers/store.ts";

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store[Symbol.asyncDispose]());

it("takes no word for what the CI gate has to say that was given while it was asked", async () => {
  const run = await addHeldRun(store, { name: "release", number: 1 });
  const word = (by: string) =>
    fileCommand(store.db, store.queue, {
      run: run.id,
      command: { kind: "publish", by, how: "comment", sha: sha("e") },
      nowMs: 1,
    });
  await word("ada");
  const askGate = async () => {
    await word("grace");
    return [{ code: "publish.ci", words: "The workflow deploys now." }];
  };
  const held = { pins: {}, stand: {}, rebuilt: sha("e"), why: [] } as unknown as Held;
  const git = { git: async () => ({ exitCode: 0, stdout: Buffer.from(""), stderr: "" }) };
  const parts = { db: store.db, git, publishing: { holdMs: 1 }, nowMs: () => 1 } as unknown as ReleaseParts;
  const fact = await releaseWork(parts, run, held, "ada", askGate);
  if (fact.is !== "held-again") throw new Error(`it was ${fact.is}`);
  const commands = await commandsOf(store.db, run.id);
  expect(commands).toHaveLength(2);
  expect(findWord(commands.slice(fact.heard), sha("e"))).toBeUndefined();
});
