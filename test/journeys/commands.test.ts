import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalGitHub } from "../../src/local/github/start.ts";
import { type CommandFrame, completeSettings, faultOf, openCommandFrame, type RunningCommand } from "../helpers/command.ts";
import { shellBlock } from "../helpers/people.ts";
import { expectNothingLeft } from "../helpers/remains.ts";
import { until } from "../helpers/until.ts";

let frame: CommandFrame;
beforeAll(async () => {
  frame = await openCommandFrame();
});
afterAll(() => frame?.[Symbol.asyncDispose]());

describe("airlock demo", () => {
  it("goes from label to pull request, and leaves nothing", async () => {
    const { code, out, err } = await frame.run(["demo", "--json"]);
    expect(code, err).toBe(0);
    const lines = out.trim().split("\n");
    expect(lines).toHaveLength(1);
    const result = JSON.parse(lines[0] ?? "");
    expect(result).toMatchObject({
      outcome: "succeeded",
      run: expect.stringMatching(/^[a-z2-7]{16}$/),
      issue: expect.any(Number),
      pullRequest: {
        number: expect.any(Number),
        url: expect.stringContaining("/pull/"),
        head: expect.stringMatching(/^[0-9a-f]{40}$/),
      },
      checkRun: { id: expect.any(Number), conclusion: "success" },
      sandbox: { mode: "sealed", failed: 0 },
      egress: { allowed: expect.any(Number), refused: 0 },
      tokens: { minted: expect.any(Number), live: 0 },
    });
    const { acceptedMs, firstModelRequestMs, totalMs } = result.timings;
    expect(acceptedMs).toBeGreaterThan(0);
    expect(firstModelRequestMs).toBeGreaterThan(acceptedMs);
    expect(totalMs).toBeGreaterThan(firstModelRequestMs);
    expect(result.sandbox.checks).toBeGreaterThanOrEqual(50);
    expect(result.egress.allowed).toBeGreaterThan(0);
    expect(await frame.left()).toEqual([]);
  });
});

describe("airlock dev", () => {
  let dev: RunningCommand;
  let told: { app: string; github: string; model: string; data: string; tokens: Record<string, string> };
  beforeAll(async () => {
    dev = frame.start(["dev", "--json"]);
    told = await dev.told();
  });

  const post = async (path: string, body: unknown) => {
    const headers = { authorization: `token ${told.tokens.maintainer}`, "content-type": "application/json" };
    const response = await fetch(`${told.github}/repos/acme/shop${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    expect(response.status).toBeLessThan(300);
    return response.json() as Promise<{ number: number }>;
  };
  const runs = (...args: string[]) => frame.run(["runs", ...args, "--data", told.data]);
  const openIssue = async (shell: string) => {
    const { number } = await post("/issues", { title: "A job", body: shellBlock(shell) });
    await post(`/issues/${number}/labels`, { labels: ["agent"] });
    return number;
  };
  const listed = async (issue: number) => {
    const { runs: lines } = JSON.parse((await runs("list", "--json")).out);
    return lines.find(({ subject }: { subject: string }) => subject === `issue #${issue}`);
  };

  it("lists, shows and prints its runs to other commands", async () => {
    const issue = await openIssue("echo 'seen by the agent'");
    const run = await until("the run's end", async () => {
      const line = await listed(issue);
      return line?.outcome && line;
    });
    expect(run).toMatchObject({ repository: "acme/shop", outcome: "no_changes", requester: "maintainer" });
    expect((await runs("list")).out).toMatch(new RegExp(`${run.id} +acme/shop +issue #${issue} +no_changes`));

    const shown = await runs("show", run.id.slice(0, 10), "--json");
    expect(JSON.parse(shown.out)).toMatchObject({ id: run.id, state: { outcome: "no_changes" }, mode: "sealed" });
    expect((await runs("show", run.id)).out).toMatch(/tokens +\d+ minted, 0 live/);

    const logs = await runs("logs", run.id, "--json");
    const events = logs.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events).toContainEqual(
      expect.objectContaining({ kind: "tool-result", text: expect.stringContaining("seen by the agent") }),
    );
    expect((await runs("logs", run.id)).out).toContain("seen by the agent");
    expect((await runs("show", "aaaaaaaaaaaaaaaa")).code).toBe(1);
  });

  it("has a run ended by runs cancel, while runs logs --follow prints it to its end", async () => {
    const issue = await openIssue("echo 'about to sleep'; sleep 300");
    const { id } = await until("the run", () => listed(issue));
    const logs = frame.start(["runs", "logs", id, "--follow", "--data", told.data]);
    await until("the command in the log", () => logs.out().includes("sleep 300"));
    expect(await runs("cancel", id, "--json")).toMatchObject({ code: 0, out: '{"ok":true}\n' });
    expect((await logs.ended()).code).toBe(0);
    await until("the outcome", async () => (await listed(issue)).outcome === "cancelled");
    expect((await runs("cancel", id)).code).toBe(1);
  });

  it("[81] holds its data folder alone", async () => {
    const second = await frame.run(["dev", "--json", "--data", told.data]);
    expect(second.code).toBe(1);
    expect(faultOf(second.err)).toMatchObject({
      code: "store.held",
      message: expect.stringContaining(told.data),
      remedy: expect.stringContaining("AIRLOCK_DATA"),
    });
    // The first one goes on: pages, store and helpers.
    expect((await fetch(`${told.app}/healthz`)).status).toBe(200);
    expect((await runs("list")).code).toBe(0);
  });

  it("ends by ctrl-c in mid-run, and leaves nothing", async () => {
    const issue = await openIssue("sleep 300");
    await until("the agent at work", async () => (await listed(issue))?.state === "working");
    dev.signal("SIGINT");
    const { code, out } = await dev.ended();
    expect(code).toBe(130);
    expect(out.trim().split("\n")).toHaveLength(1);
    await expectNothingLeft(told.data);
    expect(await frame.left()).toEqual([]);
    expect((await runs("list")).code).toBe(69);
  });
});

describe("airlock start", () => {
  it("serves a GitHub until it is told to stop, and lets no secret out", async () => {
    const data = join(frame.folder, "data");
    const folder = join(frame.folder, "github");
    await using github = await startLocalGitHub({ folder });
    const { id, privateKey, webhookSecret } = github.app;
    const app = { APP_ID: `${id}`, PRIVATE_KEY: privateKey, WEBHOOK_SECRET: webhookSecret };
    const start = frame.start(["start", "--json"], {
      ...completeSettings(data),
      ...app,
      GHE_HOST: github.host,
      GHE_PROTOCOL: "http",
      HOST: "127.0.0.1",
    });
    const told = await start.told();
    expect(await (await fetch(`${told.app}/healthz`)).json()).toMatchObject({ ok: true, app: github.app.slug });
    expect((await frame.run(["runs", "list", "--data", data])).code).toBe(0);
    start.signal("SIGTERM");
    const { code, out, err } = await start.ended();
    expect(code, err).toBe(0);
    for (const secret of [privateKey.split("\n")[3] ?? "", webhookSecret, "sk-of-the-tests"])
      expect(out + err).not.toContain(secret);
    await expectNothingLeft(data);
    expect(github.state().tokens.live).toBe(0);
  });
});

describe.concurrent("a data folder that cannot be made", () => {
  it.each([
    // Where nobody may make a folder, not even root.
    ["start", "/sys/airlock-data"],
    ["dev", "/sys/airlock-data"],
    // A file stands in the way.
    ["start", join(import.meta.dirname, "../../package.json")],
    ["dev", join(import.meta.dirname, "../../package.json/data")],
  ])("is named, by %s, with what to do: %s", async (command, folder) => {
    const { code, out, err } = await frame.run([command, "--json", "--data", folder], completeSettings(folder));
    expect({ code, out }).toEqual({ code: 78, out: "" });
    expect(faultOf(err)).toMatchObject({
      code: expect.stringMatching(/^settings\.(folder|AIRLOCK_DATA)$/),
      message: expect.stringContaining(folder),
      remedy: expect.stringContaining("AIRLOCK_DATA"),
    });
  });
});
