import { createHmac, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DiskUse } from "../../src/run/full.ts";
import { Secret } from "../../src/secret/secret.ts";
import { type CommandFrame, openCommandFrame } from "../helpers/command.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
let frame: CommandFrame;
let usedPercent = 50;
const observe = async (): Promise<DiskUse[]> => [
  { of: ["data", "engine"], path: "/a/disk", usedBytes: usedPercent * 1e9, availableBytes: (100 - usedPercent) * 1e9 },
];
beforeAll(async () => {
  frame = await openCommandFrame();
  house = await openHouse({ disks: { boundPercent: 85, observe } });
});
afterAll(async () => {
  await house?.close();
  await frame?.[Symbol.asyncDispose]();
});

const airlock = (...args: string[]) => frame.run([...args, "--data", house.local.dataFolder]);
const work = (name: string) => `echo made > ${name}; git add -A; git commit -qm "Add ${name}"`;
const repository = () => [...house.local.github.world.repositories.values()].find(({ name }) => name === "shop");

describe("a machine whose disk fills up", () => {
  it("does not fetch what would fill it, and says so", async () => {
    const shop = repository();
    if (!shop) throw new Error("there is no repository");
    shop.sizeKiB = 40_000_000;
    const issue = await house.openIssue({ shell: work("large.txt") });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({
      outcome: "failed",
      reason: expect.stringMatching(/acme\/shop is 41 GB large, and 35 GB may be written.*raises AIRLOCK_DISK_BOUND/),
    });
    expect((await house.answersOn(issue))[0]?.body).toContain("acme/shop is 41 GB large");
    shop.sizeKiB = 1;
  });

  it("begins no run and says why, to people and operator, and goes on by itself when there is room", async () => {
    const { app } = house.local;
    usedPercent = 91;
    await app.disk.look();
    const issue = await house.openIssue({ shell: work("later.txt") });
    await house.setLabel(issue);
    const told = await until("what is waited for", async () => {
      const body = (await house.answersOn(issue))[0]?.body ?? "";
      return body.includes("91 % full") && body;
    });
    expect(told).toContain("runs begin below 85 %");
    const [waiting] = await house.runsOf(issue);
    expect(waiting?.state).toMatchObject({ at: "queued", words: expect.stringContaining("91 % full") });
    expect((await airlock("runs", "list")).err).toContain("91 % full");
    const seen = await airlock("disk", "--json");
    expect(seen.code).toBe(1);
    const { holdings, ...disk } = JSON.parse(seen.out);
    expect(disk).toMatchObject({ boundPercent: 85, full: { usedPercent: 91 }, disks: [{ path: "/a/disk" }] });
    const bytes = Object.fromEntries(holdings.map((each: { kind: string; bytes: number }) => [each.kind, each.bytes]));
    expect(bytes.store).toBeGreaterThan(1e6);
    expect(bytes.images).toBeGreaterThan(1e8);
    expect(await (await fetch(`${app.url}/healthz`)).json()).toMatchObject({ ok: true, diskUsedPercent: 91 });
    expect(house.log()).toContain("the disk is full: no run begins until there is room");

    usedPercent = 50;
    expect((await house.ended(issue)).state).toMatchObject({ outcome: "succeeded" });
    expect((await airlock("disk")).code).toBe(0);
    const bases = JSON.parse((await airlock("disk", "--json")).out).holdings.find(
      ({ kind }: { kind: string }) => kind === "bases",
    );
    expect(bases).toMatchObject({ count: 1 });
  });
});

describe("an operator who changes every key while an agent is at work", () => {
  it("loses no run: the App's key, the model's key and the webhook's secret", async () => {
    const { github, model, webhookSecret: oldSecret, webhookPath } = house.local;
    const shell = [
      "at=http://127.0.0.1:8090/repos/acme/shop/issues/$(curl -s http://127.0.0.1:8090/repos/acme/shop/issues | jq '.[0].number')",
      signOfLife,
      "until curl -s $at | jq -r .title | grep -q 'go on'; do sleep 0.3; done",
      work("rolled.txt"),
    ].join("\n");
    const issue = await house.openIssue({ title: "Wait", shell });
    await house.setLabel(issue);
    const { id } = await house.inShell(issue);
    const newSecret = randomBytes(24).toString("hex");
    const key = github.addKey();
    await house.local.restart(
      async () => model.setKey(`local-${randomBytes(16).toString("hex")}`),
      (settings) => ({
        ...settings,
        app: {
          ...{ id: settings.app.id, privateKey: new Secret(key) },
          ...{ webhookSecret: new Secret(newSecret), oldWebhookSecret: new Secret(oldSecret) },
        },
        model: { ...settings.model, credential: { kind: "api-key", value: new Secret(model.key) } },
      }),
    );
    github.deleteFirstKey();

    // GitHub still signs with the old secret, then with the new one; nobody else's is taken.
    const [app] = github.world.apps;
    if (!app) throw new Error("there is no App");
    const rename = async (title: string) => {
      await house.ask("maintainer", "PATCH", `/issues/${issue}`, { title });
      await github.settled();
      return github.world.deliveries.findLast(({ event }) => event === "issues")?.statusCode;
    };
    const oldOnes = () => house.log().split("signed with WEBHOOK_SECRET_OLD").length - 1;
    expect(await rename("Wait a little")).toBe(202);
    const before = oldOnes();
    expect(before).toBeGreaterThan(0);
    app.webhookSecret = newSecret;
    const body = '{"action":"labeled"}';
    const headers = {
      ...{ "x-github-delivery": "forged-1", "x-github-event": "issues" },
      "x-hub-signature-256": `sha256=${createHmac("sha256", "neither of them").update(body).digest("hex")}`,
    };
    const forged = await fetch(`${house.local.app.url}${webhookPath}`, { method: "POST", headers, body });
    expect(forged.status).toBe(401);

    expect(await rename("Now go on")).toBe(202);
    expect(oldOnes()).toBe(before);
    const ended = await house.ended(issue);
    expect(ended.state, JSON.stringify(ended.timeline)).toMatchObject({ outcome: "succeeded" });
    const [run, ...others] = await house.runsOf(issue);
    expect([run?.id, others]).toEqual([id, []]);
    expect(run?.timeline.filter(({ words }) => words.includes("paused") || words.includes("another"))).toEqual([]);
  });
});
