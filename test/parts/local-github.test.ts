import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GitHubHouse, openGitHubHouse } from "../helpers/local-github.ts";

const repo = { owner: "acme", repo: "shop" };
let house: GitHubHouse;

beforeAll(async () => {
  house = await openGitHubHouse();
});

afterAll(async () => {
  await house[Symbol.asyncDispose]();
});

describe("the local GitHub, from label to pull request", () => {
  it("tells the App of its installation, once it knows where", async () => {
    const payload = await house.heard("installation", "created");
    expect(payload.repositories).toMatchObject([{ full_name: "acme/shop" }]);
  });

  it("carries a run from the issue to the comment, with every answer as GitHub describes it", async () => {
    const { github, as, mint, git, heard, folder } = house;
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
    const clone = await git(["clone", "-q", `${github.url}/acme/shop.git`, "work"], { token });
    expect(clone.stderr).toBe("");
    const work = join(folder, "work");
    await writeFile(join(work, "src/greeting.js"), `${await readFile(join(work, "src/greeting.js"), "utf8")}// more\n`);
    await git(["commit", "-qam", "Say more"], { cwd: work });
    const push = await git(["push", "-q", "origin", "HEAD:refs/heads/agent/issue-1"], { cwd: work, token });
    expect(push).toMatchObject({ exitCode: 0, stderr: "" });
    const head = (await git(["rev-parse", "HEAD"], { cwd: work })).stdout;
    expect(await heard("check_suite", "requested")).toMatchObject({
      check_suite: { head_sha: head, head_branch: "agent/issue-1" },
    });

    const reporter = as(await mint({ permissions: { checks: "write", issues: "write", pull_requests: "write" } }));
    const run = (
      await reporter.rest.checks.create({ ...repo, name: "airlock", head_sha: head, status: "in_progress", external_id: "abc" })
    ).data;
    expect(run).toMatchObject({ status: "in_progress", conclusion: null, app: { slug: "airlock" } });
    const wanted = { title: "Say more", head: "agent/issue-1", base: "main", body: `Closes #${issue.number}` };
    const pull = (await reporter.rest.pulls.create({ ...repo, ...wanted })).data;
    expect(pull).toMatchObject({
      head: { sha: head },
      commits: 1,
      changed_files: 1,
      user: { login: "airlock[bot]", type: "Bot" },
    });
    const comment = (await reporter.rest.issues.createComment({ ...repo, issue_number: issue.number, body: "done" })).data;
    expect(comment.performed_via_github_app?.id).toBe(github.app.id);
    const output = { title: "ok", summary: "fine" };
    await reporter.rest.checks.update({ ...repo, check_run_id: run.id, conclusion: "success", output });
    expect(await heard("pull_request", "opened")).toMatchObject({
      number: pull.number,
      pull_request: { head: { ref: "agent/issue-1" } },
    });
    const completed = { conclusion: "success", pull_requests: [{ number: pull.number }] };
    expect(await heard("check_run", "completed")).toMatchObject({ check_run: completed });
    expect(github.state().invalidResponses).toEqual([]);
  });

  it("numbers issues and pull requests one after another, also where they come at once", async () => {
    const { github, as } = house;
    const maintainer = as(github.users.maintainer.token);
    const main = (await maintainer.rest.git.getRef({ ...repo, ref: "heads/main" })).data.object.sha;
    const heads = ["first", "second", "third"];
    for (const head of heads) {
      await maintainer.rest.git.createRef({ ...repo, ref: `refs/heads/${head}`, sha: main });
      const change = { path: `${head}.txt`, branch: head, message: head, content: "bmV3" };
      await maintainer.rest.repos.createOrUpdateFileContents({ ...repo, ...change });
    }
    const opened = heads.flatMap((head) => [
      maintainer.rest.pulls.create({ ...repo, title: head, head, base: "main" }),
      maintainer.rest.issues.create({ ...repo, title: head }),
    ]);
    const numbers = (await Promise.all<{ data: { number: number } }>(opened)).map(({ data }) => data.number);
    expect(new Set(numbers).size).toBe(6);
  });
});
