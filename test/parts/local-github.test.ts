import { createHmac } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAppAuth } from "@octokit/auth-app";
import { execa } from "execa";
import { ProbotOctokit } from "probot";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gitEnvironment } from "../../src/local/github/git.ts";
import { type LocalGitHub, startLocalGitHub } from "../../src/local/github/start.ts";

interface Received {
  event: string;
  payload: { action?: string; [key: string]: unknown };
  signed: boolean;
}

const repo = { owner: "acme", repo: "shop" };
let folder: string;
let github: LocalGitHub;
let hook: Server;
const received: Received[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "airlock-local-github-"));
  github = await startLocalGitHub({ folder: join(folder, "repositories"), app: { webhookSecret: "quiet" } });
  hook = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const expected = `sha256=${createHmac("sha256", "quiet").update(body).digest("hex")}`;
    received.push({
      event: String(request.headers["x-github-event"]),
      payload: JSON.parse(body.toString()) as Received["payload"],
      signed: request.headers["x-hub-signature-256"] === expected,
    });
    response.end("ok");
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => hook.once("listening", resolve));
  github.setWebhook(`http://127.0.0.1:${(hook.address() as AddressInfo).port}/api/github/webhooks`);
});

afterAll(async () => {
  await github?.close();
  hook?.close();
  await rm(folder, { recursive: true, force: true });
});

const quiet = { baseUrl: "", throttle: { enabled: false }, retry: { enabled: false } };

function as(token: string): InstanceType<typeof ProbotOctokit> {
  return new ProbotOctokit({ ...quiet, baseUrl: github.api, auth: { token } });
}

async function mint(body: Record<string, unknown> = {}): Promise<string> {
  const app = new ProbotOctokit({
    ...quiet,
    baseUrl: github.api,
    authStrategy: createAppAuth,
    auth: { appId: github.app.id, privateKey: github.app.privateKey },
  });
  const answer = await app.request("POST /app/installations/{installation_id}/access_tokens", {
    installation_id: github.app.installationId,
    ...body,
  });
  return answer.data.token;
}

async function git(
  args: string[],
  options: { cwd: string; token?: string },
): Promise<{ exitCode?: number; stdout: string; stderr: string }> {
  const header = options.token
    ? `Authorization: Basic ${Buffer.from(`x-access-token:${options.token}`).toString("base64")}`
    : undefined;
  const env: Record<string, string> = { ...gitEnvironment, GIT_CONFIG_COUNT: "1" };
  if (header !== undefined)
    Object.assign(env, { GIT_CONFIG_COUNT: "2", GIT_CONFIG_KEY_1: "http.extraHeader", GIT_CONFIG_VALUE_1: header });
  return execa("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", ...args], {
    cwd: options.cwd,
    extendEnv: false,
    env,
    reject: false,
  });
}

async function heard(event: string, action?: string): Promise<Received["payload"]> {
  await github.settled();
  const found = received.findLast((one) => one.event === event && (action === undefined || one.payload.action === action));
  if (found === undefined)
    throw new Error(`no ${event}.${action} among ${received.map((one) => `${one.event}.${one.payload.action}`).join(", ")}`);
  expect(found.signed).toBe(true);
  return found.payload;
}

describe("the local GitHub, from label to pull request", () => {
  it("tells the App of its installation, once it knows where", async () => {
    const payload = await heard("installation", "created");
    expect(payload.repositories).toMatchObject([{ full_name: "acme/shop" }]);
  });

  it("carries a run from the issue to the comment, with every answer as GitHub describes it", async () => {
    const maintainer = as(github.users.maintainer.token);
    const issue = (await maintainer.rest.issues.create({ ...repo, title: "Greet a stranger", body: "please" })).data;
    await maintainer.rest.issues.addLabels({ ...repo, issue_number: issue.number, labels: ["agent"] });
    const labeled = await heard("issues", "labeled");
    expect(labeled).toMatchObject({
      label: { name: "agent" },
      issue: { number: issue.number },
      installation: { id: github.app.installationId },
    });
    expect(labeled).toMatchObject({
      sender: { login: "maintainer", type: "User" },
      repository: { full_name: "acme/shop", default_branch: "main" },
    });

    const token = await mint({ repositories: ["shop"], permissions: { contents: "write" } });
    const clone = await git(["clone", "-q", `${github.url}/acme/shop.git`, "work"], { cwd: folder, token });
    expect(clone.stderr).toBe("");
    const work = join(folder, "work");
    await writeFile(join(work, "src/greeting.js"), `${await readFile(join(work, "src/greeting.js"), "utf8")}// more\n`);
    await git(["commit", "-qam", "Say more"], { cwd: work });
    const push = await git(["push", "-q", "origin", "HEAD:refs/heads/agent/issue-1"], { cwd: work, token });
    expect(push).toMatchObject({ exitCode: 0, stderr: "" });
    const head = (await git(["rev-parse", "HEAD"], { cwd: work })).stdout;

    const reporter = as(await mint({ permissions: { checks: "write", issues: "write", pull_requests: "write" } }));
    const run = (
      await reporter.rest.checks.create({ ...repo, name: "airlock", head_sha: head, status: "in_progress", external_id: "abc" })
    ).data;
    expect(run).toMatchObject({ status: "in_progress", conclusion: null, app: { slug: "airlock" } });
    const pull = (
      await reporter.rest.pulls.create({
        ...repo,
        title: "Say more",
        head: "agent/issue-1",
        base: "main",
        body: `Closes #${issue.number}`,
      })
    ).data;
    expect(pull).toMatchObject({
      head: { sha: head },
      commits: 1,
      changed_files: 1,
      user: { login: "airlock[bot]", type: "Bot" },
    });
    const comment = (await reporter.rest.issues.createComment({ ...repo, issue_number: issue.number, body: "done" })).data;
    expect(comment.performed_via_github_app?.id).toBe(github.app.id);
    await reporter.rest.checks.update({
      ...repo,
      check_run_id: run.id,
      conclusion: "success",
      output: { title: "ok", summary: "fine" },
    });
    expect(await heard("pull_request", "opened")).toMatchObject({
      number: pull.number,
      pull_request: { head: { ref: "agent/issue-1" } },
    });
    expect(await heard("check_run", "completed")).toMatchObject({
      check_run: { conclusion: "success", pull_requests: [{ number: pull.number }] },
    });
    expect(github.state().invalidResponses).toEqual([]);
  });
});
