import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { removeSandbox } from "../../src/sandbox/sandboxes.ts";
import { verifyChain } from "../../src/secret/chain.ts";
import { readPlaceSettings } from "../../src/settings.ts";
import { type CommandFrame, openCommandFrame } from "../helpers/command.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
let frame: CommandFrame;
beforeAll(async () => {
  frame = await openCommandFrame();
  house = await openHouse({ publish: { holdMs: 3_600_000 } });
});
afterAll(async () => {
  await house?.close();
  await frame?.[Symbol.asyncDispose]();
});

const data = () => house.local.dataFolder;
const airlock = (...args: string[]) => frame.run([...args, "--data", data()]);
const reached = (issue: number, what: string) =>
  until(`#${issue}: ${what}`, async () => {
    const run = (await house.runsOf(issue)).at(-1);
    if (run?.state.at === "ended") throw new Error(JSON.stringify([run.state, run.timeline]));
    return run?.timeline.some(({ words }) => words === what) ? run : undefined;
  });

/** Which of these texts lie in any file below a folder. */
async function found(folder: string, secrets: Record<string, string>): Promise<string[]> {
  const seen = await Promise.all(
    Object.entries(secrets).map(async ([name, text]) => {
      // The longest line of a key: files keep it in several notations.
      const line = text.split("\n").reduce((longest, each) => (each.length > longest.length ? each : longest));
      const { exitCode } = await execa("grep", ["-rqaF", "-e", line, folder], { reject: false });
      return exitCode === 0 ? [name] : [];
    }),
  );
  return seen.flat().sort();
}

it("held and parked work outlives the data folder: of a backup that a working App made, both go on, and no secret is in it", async () => {
  const held = await house.openIssue({
    shell: `mkdir -p .husky && echo 'curl evil' > .husky/pre-commit && git add -A && git commit -qm Hook`,
  });
  const begin = `echo half > half.txt; git add -A; git commit -qm Half; echo lying > lying.txt; ${signOfLife}; sleep 300`;
  const parked = await house.openIssue({
    shell: `if [ -e half.txt ]; then echo rest > rest.txt; git add -A; git commit -qm Rest; else ${begin}; fi`,
  });
  await house.setLabel(held);
  await house.setLabel(parked);
  const { held: shown, branch = "", id: heldId } = await reached(held, "Waits for a person's word");
  const { id: parkedId } = await house.inShell(parked);
  expect((await airlock("pause", "--now")).code).toBe(0);
  await reached(parked, "Sandbox put away");

  // Whatever a house keeps on its disk, as a registration on this machine would have left it.
  const { app, restart } = house.local;
  const registered = {
    id: 1,
    slug: "a",
    host: "github.com",
    owner: { id: 1, login: "acme" },
    webhookSecret: house.local.webhookSecret,
  };
  await writeFile(join(data(), "app.json"), JSON.stringify({ ...registered, privateKey: house.local.github.app.privateKey }), {
    mode: 0o600,
  });
  const key = await readFile(join(data(), "keys", "seal.key"), "utf8");
  const live = { id: "live", run: heldId, duty: "reporter", repository_id: 1, permissions: "{}", state: "live" } as const;
  const times = { minted_at_ms: 1, expires_at_ms: 2, revoked_at_ms: null };
  await app.db
    .insertInto("grants")
    .values({ ...live, ...times, token: "s1.sealed-token-of-a-running-house" })
    .execute();
  const secrets = {
    "private key": JSON.stringify(house.local.github.app.privateKey).slice(1, -1),
    "sealed token": "s1.sealed-token-of-a-running-house",
    "seal key": key.trim(),
    "webhook secret": house.local.webhookSecret,
  };

  const file = join(frame.folder, "house.tar.gz");
  const made = await airlock("backup", file, "--json");
  expect(made, made.err).toMatchObject({ code: 0 });
  expect(JSON.parse(made.out)).toMatchObject({ ok: true, file, work: [heldId, parkedId].sort() });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const unpacked = join(frame.folder, "unpacked");
  await mkdir(unpacked);
  await execa("tar", ["-xzf", file, "-C", unpacked]);
  expect(await found(unpacked, { ...secrets, "model key": house.local.model.key })).toEqual([]);
  // The control.
  expect(await found(data(), secrets)).toEqual(Object.keys(secrets).sort());

  const before = { comments: (await house.commentsOn(held)).length, checks: house.local.github.state().checkRuns };
  await restart(async () => {
    // Another machine: nothing of the data folder is there, nor of the engine. The local GitHub only happens to live in it.
    for (const name of await readdir(data()))
      if (name !== "local-github" && name !== "owner.json") await rm(join(data(), name), { recursive: true });
    const { instance } = readPlaceSettings({ env: {}, cwd: "/", dataFolder: data() });
    await removeSandbox(house.machine.engine, { instance, run: parkedId });

    expect(await airlock("restore", file)).toMatchObject({ code: 1, err: expect.stringContaining("keys/seal.key is missing") });
    expect(existsSync(join(data(), "store"))).toBe(false);
    await mkdir(join(data(), "keys"), { mode: 0o700 });
    await writeFile(join(data(), "keys", "seal.key"), key, { mode: 0o600 });
    const restored = await airlock("restore", file);
    expect(restored, restored.err).toMatchObject({ code: 0, err: expect.stringContaining("2 runs that had not ended") });
  });
  expect((await house.runsOf(held))[0]).toMatchObject({ id: heldId, state: { at: "held" }, held: { sha: shown?.sha } });
  expect((await house.runsOf(parked))[0]).toMatchObject({ id: parkedId, state: { at: "waiting" } });
  await house.local.app.recovery.pass();
  await house.heard();
  expect({ comments: (await house.commentsOn(held)).length, checks: house.local.github.state().checkRuns }).toEqual(before);
  // What was taken up is taken away.
  expect((await readdir(join(data(), "store"))).filter((name) => !name.startsWith("lock."))).toEqual(["pg"]);

  await house.comment(held, "/agent publish", "maintainer");
  const published = await house.ended(held);
  expect(published.state).toMatchObject({ outcome: "succeeded" });
  expect(await house.tipOf(branch)).toBe(shown?.sha);
  expect(published.pullRequest?.number).toBeGreaterThan(0);
  expect(await house.runsOf(held)).toHaveLength(1);

  expect((await airlock("resume")).code).toBe(0);
  const ended = await house.ended(parked);
  expect(ended.state, JSON.stringify(ended.timeline)).toMatchObject({ outcome: "succeeded" });
  const { json: files } = await house.ask("maintainer", "GET", `/pulls/${ended.pullRequest?.number}/files`);
  expect(files.map(({ filename }: { filename: string }) => filename).sort()).toEqual(["half.txt", "lying.txt", "rest.txt"]);
  // Its record is one, over both machines.
  const evidence = await house.local.app.reader.evidence(parkedId);
  expect(verifyChain(parkedId, evidence?.rows ?? [], evidence?.head)).toMatchObject({ ok: true });
});
