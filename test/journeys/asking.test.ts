import { createHmac, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { shellBlock, signOfLife } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

const address = () => `${house.local.app.url}${house.local.webhookPath}`;
const stored = async (id: string) =>
  (await house.local.app.db.selectFrom("deliveries").select("id").where("id", "=", id).execute()).length;
const sign = (algorithm: string, body: string, secret = house.local.webhookSecret) =>
  `${algorithm}=${createHmac(algorithm, secret).update(body).digest("hex")}`;

async function post(of: { id: string; body: string; headers: Record<string, string> }): Promise<number> {
  const headers = new Headers({ "content-type": "application/json", "x-github-event": "issues", "x-github-delivery": of.id });
  for (const [name, value] of Object.entries(of.headers)) headers.set(name, value);
  return (await fetch(address(), { method: "POST", headers, body: of.body })).status;
}

describe.concurrent("somebody without write access", () => {
  it.each([
    ["a triager's label", "triager", 1],
    ["an outsider's command", "outsider", 0],
  ] as const)("starts nothing: %s", async (_, who, labels) => {
    const issue = await house.openIssue({ shell: "echo never > never.txt" });
    for (let i = 0; i < labels; i++) await house.setLabel(issue, who);
    const comments = [];
    for (const words of ["/agent fix", "/agent fix at once", "/agent stop"])
      comments.push(await house.comment(issue, words, who));
    await house.heard();
    expect(await house.runsOf(issue)).toEqual([]);
    expect(await house.labelsOf(issue)).toEqual([]);
    for (const comment of comments) expect(await house.reactionsTo({ comment })).toEqual(["-1"]);
    if (labels > 0) expect(await house.reactionsTo({ issue })).toEqual(["-1"]);
    // Words once, so that nobody can make Airlock write at will.
    expect((await house.answersOn(issue)).map(({ body }) => body)).toEqual([expect.stringContaining("write access")]);
    expect(await house.tipOf(`agent/issue-${issue}`)).toBeUndefined();
  });
});

describe.concurrent("a command", () => {
  it("that asks for help, or that nobody knows, is answered with all commands", async () => {
    const issue = await house.openIssue({});
    await house.comment(issue, "/agent help");
    await house.comment(issue, "/agent dance on the table");
    await house.comment(issue, "/agent status");
    await house.heard();
    const [help, unknown, status, ...more] = (await house.answersOn(issue)).map(({ body }) => body);
    for (const command of ["/agent fix", "/agent stop", "/agent status", "/agent help"]) expect(help).toContain(command);
    expect(unknown).toMatch(/no command `dance`[\s\S]*\/agent fix/);
    expect(status).toMatch(/^<!-- airlock:answer=\d+ -->\nNo run is at work here\.$/);
    expect(more).toEqual([]);
    expect(await house.runsOf(issue)).toEqual([]);
  });

  it("[29] that is quoted, fenced, indented or edited in later is none", async () => {
    const issue = await house.openIssue({});
    const said = await house.comment(issue, "Looks good.");
    for (const words of ["> /agent fix", "```\n/agent fix\n```", " /agent fix", "Please\n/agent fix"])
      await house.comment(issue, words);
    await house.ask("maintainer", "PATCH", `/issues/comments/${said}`, { body: "/agent fix" });
    await house.heard();
    expect(await house.runsOf(issue)).toEqual([]);
    expect(await house.answersOn(issue)).toEqual([]);
  });
});

describe.concurrent("a running agent", () => {
  it.each([
    ["/agent stop", (issue: number) => house.comment(issue, "/agent stop", "writer"), "Stopped by writer with /agent stop"],
    ["the label taken away", (issue: number) => house.takeLabel(issue, "agent: working"), "Stopped by maintainer by taking"],
    [
      "the issue closed",
      (issue: number) => house.ask("maintainer", "PATCH", `/issues/${issue}`, { state: "closed" }),
      "Stopped by maintainer by closing the issue",
    ],
    [
      "runs cancel",
      async (issue: number) => {
        const [run] = await house.runsOf(issue);
        if (run) expect(await house.local.app.filer.cancel(run.id, { kind: "operator", name: "operator" })).toBe("filed");
      },
      "Stopped by operator from the command line",
    ],
  ])("is ended within ten seconds by %s, and its work is kept", async (_, stop, words) => {
    const issue = await house.openIssue({ shell: `echo 'half done' > half.txt; ${signOfLife}; sleep 300` });
    await house.setLabel(issue);
    const { checkRun } = await house.inShell(issue);
    await house.comment(issue, "/agent status");
    await until("the status", async () => (await house.answersOn(issue)).some(({ body }) => body.includes("is at work in its")));
    const askedAtMs = Date.now();
    await stop(issue);
    const run = await house.ended(issue);
    expect((run.endedAtMs ?? Number.POSITIVE_INFINITY) - askedAtMs).toBeLessThan(await house.timely(run, 10_000));
    expect(run.state).toMatchObject({ outcome: "cancelled", reason: expect.stringContaining(words) });
    expect(run.patch).toContain("+half done");
    const { json: check } = await house.ask("maintainer", "GET", `/check-runs/${checkRun?.id}`);
    expect(check).toMatchObject({ status: "completed", conclusion: "cancelled" });
    expect(await house.tipOf(`agent/issue-${issue}`)).toBeUndefined();
    expect(await house.labelsOf(issue)).toEqual([]);
  });
});

describe.concurrent("a delivery", () => {
  it.each([
    ["is not signed", 401, () => ({})],
    ["is signed by another secret", 401, (body: string) => ({ "x-hub-signature-256": sign("sha256", body, "another secret") })],
    ["has a signature that was changed", 401, (body: string) => ({ "x-hub-signature-256": sign("sha256", `${body} `) })],
    ["is signed by SHA-1 only", 401, (body: string) => ({ "x-hub-signature": sign("sha1", body) })],
    ["has SHA-1 in the newer header", 401, (body: string) => ({ "x-hub-signature-256": sign("sha1", body) })],
  ])("that %s gets %i and is not stored", async (_, status, headersFor) => {
    const id = randomUUID();
    const body = JSON.stringify({ action: "labeled", padding: "x".repeat(100) });
    expect(await post({ id, body, headers: headersFor(body) })).toBe(status);
    expect(await stored(id)).toBe(0);
    // The control: the same body with the right signature is taken.
    expect(await post({ id, body, headers: { "x-hub-signature-256": sign("sha256", body) } })).toBe(202);
    expect(await stored(id)).toBe(1);
  });

  it("[40] above 25 MB gets 413 and is not stored", async () => {
    const id = randomUUID();
    const body = JSON.stringify({ action: "labeled", padding: "x".repeat(25 * 1024 * 1024) });
    const answered = post({ id, body, headers: { "x-hub-signature-256": sign("sha256", body) } });
    expect(await answered).toBe(413);
    expect(await stored(id)).toBe(0);
  });

  it("[41] that comes fifty times at once, and again later, makes one run", async () => {
    const issue = await house.openIssue({ shell: "echo 'Once.'" });
    await house.setLabel(issue);
    const { world } = house.local.github;
    const sent = await until("the delivery", () =>
      world.deliveries.find(
        ({ event, action, request }) =>
          event === "issues" && action === "labeled" && (request.payload.issue as { number: number }).number === issue,
      ),
    );
    const again = () => post({ id: sent.guid, body: JSON.stringify(sent.request.payload), headers: sent.request.headers });
    const answers = await Promise.all(Array.from({ length: 50 }, again));
    expect(new Set(answers)).toEqual(new Set([202]));
    await house.ended(issue);
    expect(await again()).toBe(202);
    // Not even under a new id, as when a hook was made anew: it is the same label, set at the same moment.
    const renamed = { ...sent.request.headers, "X-GitHub-Delivery": randomUUID() };
    expect(await post({ id: renamed["X-GitHub-Delivery"], body: JSON.stringify(sent.request.payload), headers: renamed })).toBe(
      202,
    );
    await house.heard();
    expect(await house.runsOf(issue)).toHaveLength(1);
    expect(await house.answersOn(issue)).toHaveLength(1);
  });
});

describe("the button that runs a check again", () => {
  it("[31] makes a new run for a maintainer, and none for one who lost write access meanwhile", async () => {
    const issue = await house.openIssue({ shell: "echo 'Nothing to do.'" });
    await house.comment(issue, `/agent fix\n${shellBlock("echo again")}`);
    const first = await house.ended(issue);
    const press = (who: "maintainer" | "writer", check: number | undefined) =>
      house.ask(who, "POST", `/check-runs/${check}/rerequest`);
    expect((await press("maintainer", first.checkRun?.id)).status).toBe(201);
    const second = await house.ended(issue, 2);
    expect(second).toMatchObject({ requester: { login: "maintainer" }, trigger: "the check's re-run button" });
    expect(second.id).not.toBe(first.id);

    const { world, users, faults } = house.local.github;
    const repository = [...world.repositories.values()].find(({ name, owner }) => name === "shop" && owner.login === "acme");
    // GitHub is asked, and before it answers the writer is none any more.
    faults.add({ match: { path: "/api/v3/repos/acme/shop/collaborators/writer/permission" }, delayMs: 500 });
    expect((await press("writer", second.checkRun?.id)).status).toBe(201);
    repository?.roles.set(users.writer.id, "read");
    await house.heard();
    repository?.roles.set(users.writer.id, "write");
    expect(faults.list()).toEqual([]);
    expect(await house.runsOf(issue)).toHaveLength(2);
  });
});
