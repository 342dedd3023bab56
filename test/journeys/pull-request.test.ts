import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git, gitBytes } from "../../src/local/github/git.ts";
import { controlFell } from "../helpers/control.ts";
import { grepEngine, openPlanted } from "../helpers/grep-engine.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { shellBlock, signOfLife } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

const folder = () => house.local.github.gitFolder("acme", "shop");

async function openPull(of: { head: string; title: string }): Promise<number> {
  const { status, json } = await house.ask("maintainer", "POST", "/pulls", { ...of, base: "main" });
  expect(status).toBe(201);
  return json.number;
}

describe.concurrent("a pull request", () => {
  it("of this repository is pushed to by /agent fix, on its own branch", async () => {
    const branch = "feature/wording";
    const old = await house.commit({ branch, path: "wording.txt", content: "a frist try\n", who: "writer" });
    const pull = await openPull({ head: branch, title: "Word it" });
    await house.comment(
      pull,
      `/agent fix\n${shellBlock("sed -i s/frist/first/ wording.txt && git commit -qam 'Spell it right'")}`,
    );
    const started = await until("the check on the old head", async () => (await house.checksOn(old))[0]);
    const run = await house.ended(pull);
    expect(run.state).toMatchObject({ outcome: "succeeded" });
    const head = (await house.tipOf(branch)) ?? "";
    expect((await git(folder(), ["rev-parse", `${head}^`])).trim()).toBe(old);
    expect(await git(folder(), ["show", `${head}:wording.txt`])).toBe("a first try\n");
    const check = { name: "Airlock", status: "completed", conclusion: "success", external_id: run.id };
    expect(await house.checksOn(head)).toMatchObject([check]);
    expect(await house.checksOn(old)).toMatchObject([{ ...check, id: started.id }]);
    expect(run.pullRequest?.number).toBe(pull);
    const { json: pulls } = await house.ask("maintainer", "GET", `/pulls?state=all&head=acme:${branch}`);
    expect(pulls).toMatchObject([{ number: pull }]);
    expect(await house.answersOn(pull)).toHaveLength(1);
  });

  it("[30] of a fork is refused with words, and nothing is pushed anywhere", async () => {
    const fork = { owner: "outsider", name: "shop", files: {}, installed: false, forkOf: "acme/shop" };
    await house.local.github.addRepository(fork);
    const at = { repository: "outsider/shop", who: "outsider", branch: "idea" } as const;
    const head = await house.commit({ ...at, path: "idea.txt", content: "an idea\n" });
    const pull = await openPull({ head: "outsider:idea", title: "An idea" });
    await house.comment(pull, `/agent fix\n${shellBlock("echo more >> idea.txt")}`);
    const run = await house.ended(pull);
    expect(run.state).toMatchObject({ outcome: "refused", reason: expect.stringContaining("fork") });
    expect((await house.answersOn(pull)).map(({ body }) => body)).toEqual([expect.stringContaining("comes from a fork")]);
    const forked = house.local.github.gitFolder("outsider", "shop");
    expect((await git(forked, ["rev-parse", "refs/heads/idea"])).trim()).toBe(head);
    expect(run.startedAtMs).toBeUndefined();
  });

  it("[28] that was pushed to while the agent worked is left as it is, and the work is kept", async () => {
    const branch = "feature/race";
    await house.commit({ branch, path: "race.txt", content: "one\n", who: "writer" });
    const pull = await openPull({ head: branch, title: "Race" });
    await house.comment(pull, `/agent fix\n${shellBlock(`${signOfLife}; sleep 2; echo agent >> race.txt`)}`);
    await house.inShell(pull);
    const theirs = await house.commit({ branch, path: "later.txt", content: "pushed meanwhile\n", who: "writer" });
    const run = await house.ended(pull);
    expect(run.state).toMatchObject({ outcome: "refused", reason: expect.stringContaining("Somebody pushed") });
    expect(await house.tipOf(branch)).toBe(theirs);
    expect(run.patch).toContain("+agent");
  });
});

describe.concurrent("a secret", () => {
  it("[16] that the agent prints is redacted on page, check, comment and pull request", async () => {
    const tail = randomBytes(18).toString("hex");
    const token = `ghs_${tail}`;
    const issue = await house.openIssue({
      shell: `echo done > done.txt; git add -A; git commit -qm "Do it with gh""s_${tail}"; echo "I found gh""s_${tail} here"`,
    });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("succeeded");
    const head = (await house.tipOf(`agent/issue-${issue}`)) ?? "";
    const { json: pull } = await house.ask("maintainer", "GET", `/pulls/${run.pullRequest?.number}`);
    const [check] = await house.checksOn(head);
    const [comment] = await house.answersOn(issue);
    const told = {
      page: (await house.page(run)).text,
      transcript: await house.transcriptOf(run.id),
      check: JSON.stringify(check),
      comment: JSON.stringify(comment),
      pull: JSON.stringify(pull),
      log: house.log(),
      commit: await git(folder(), ["log", "-1", "--format=%B", head]),
    };
    // Each place did tell what the agent said, and none told the token.
    for (const where of ["page", "transcript", "check", "pull"] as const) expect(told[where], where).toContain("I found");
    for (const [where, text] of Object.entries(told)) expect(text.includes(token), where).toBe(false);
  });

  it("[9] of Airlock is nowhere where the agent can look, nor in its image or its container", async ({ task }) => {
    const canary = `canary-${randomBytes(12).toString("hex")}`;
    // Carried out in the commit, where no redactor stands: what the agent could read is then looked through outside.
    const places = "/work /airlock /run /tmp /etc /opt/airlock /var";
    const look = [
      `export CANARY=${canary}-environment`,
      "sh -c 'sleep 5' &",
      "{ env; cat /proc/*/environ /proc/*/cmdline /proc/*/mountinfo; git config --list --show-origin; git remote -v",
      `find ${places} -xdev -type f -size -512k -readable -exec cat {} +; } 2>/dev/null | gzip > /tmp/seen.gz`,
      "mv /tmp/seen.gz seen.gz; git add -A; git commit -qm 'Show what is seen'",
      `${signOfLife}; until [ -e /tmp/looked ]; do sleep 0.2; done`,
    ].join("\n");
    const issue = await house.openIssue({ body: canary, shell: look });
    await house.setLabel(issue);
    const { github, model, webhookSecret } = house.local;
    const secretsNow = () => ({
      "webhook secret": webhookSecret,
      "private key": github.app.privateKey.split("\n")[5] ?? "",
      "model key": model.key,
      ...Object.fromEntries([...github.world.tokens.keys()].map((token, at) => [`token ${at}`, token])),
      ...Object.fromEntries(Object.values(github.users).map(({ login, token }) => [`token of ${login}`, token])),
    });
    const { id } = await house.inShell(issue);
    const [container] = await house.machine.engine.docker.listContainers({
      filters: JSON.stringify({ label: [`airlock.run=${id}`, "airlock.role=sandbox"] }),
    });
    const inside = Object.values(secretsNow());
    const saved = await grepEngine(["save", container?.ImageID ?? ""], inside);
    const exported = await grepEngine(["export", container?.Id ?? ""], inside);
    await execa("docker", ["exec", container?.Id ?? "", "touch", "/tmp/looked"]);
    expect([saved, exported]).toEqual([[], []]);
    // The control: where one is left, in a layer or in a container, the same search finds it.
    const planted = { inImage: `ghs_${randomBytes(18).toString("hex")}`, inContainer: `ghs_${randomBytes(18).toString("hex")}` };
    await using plain = await openPlanted(planted);
    const left = [
      ...(await grepEngine(["save", plain.image], [...inside, ...Object.values(planted)])),
      ...(await grepEngine(["export", plain.id], [...inside, ...Object.values(planted)])),
    ];
    const foundAll = left.includes(planted.inImage) && left.includes(planted.inContainer);
    controlFell(foundAll, "a search where a secret was left", { meta: task.meta });
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("succeeded");
    const { gunzipSync } = await import("node:zlib");
    const seen = gunzipSync(await gitBytes(folder(), ["cat-file", "blob", `agent/issue-${issue}:seen.gz`])).toString("latin1");
    // The control: what is there is found, in an environment and in a file of the agent's home.
    expect(seen).toContain(`${canary}-environment`);
    expect(seen.replaceAll(`${canary}-environment`, "")).toContain(canary);

    const secrets = secretsNow();
    expect(Object.keys(secrets).length).toBeGreaterThan(10);
    for (const [name, secret] of Object.entries(secrets)) {
      expect(secret.length, name).toBeGreaterThan(20);
      expect(seen.includes(secret), name).toBe(false);
      expect(seen.includes(Buffer.from(secret).toString("base64").slice(0, 24)), `${name} in base64`).toBe(false);
    }

    // The same walk outside: all that Airlock keeps, and all that it says.
    const outside: Record<string, string> = { log: house.log(), events: await house.transcriptOf(run.id) };
    for (const entry of await readdir(house.local.dataFolder, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) {
        const path = join(entry.parentPath, entry.name);
        // What is put away meanwhile is found nowhere any more.
        outside[path] = await readFile(path, "latin1").catch(() => "");
      }
    outside.page = (await house.page(run)).text;
    outside.answers = JSON.stringify(await house.answersOn(issue));
    outside.check = JSON.stringify(await house.checksOn((await house.tipOf(`agent/issue-${issue}`)) ?? ""));
    outside.pull = JSON.stringify((await house.ask("maintainer", "GET", `/pulls/${run.pullRequest?.number}`)).json);
    outside.evidence = JSON.stringify(run.evidence);
    // The control: the walk finds the run in each place, and what the store keeps in the open.
    for (const place of ["log", "page", "answers", "check", "pull"])
      expect(outside[place], place).toMatch(new RegExp(`${run.id}|${run.pageKey}`));
    expect(Object.keys(outside).filter((place) => outside[place]?.includes(canary)).length).toBeGreaterThan(0);
    const found = Object.entries(outside).flatMap(([place, text]) =>
      Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [`${name} in ${place}`] : [])),
    );
    expect(found).toEqual([]);
  });
});
