import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import recorded from "@octokit/webhooks-examples" with { type: "json" };
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GitHubHouse, type Octokit, openGitHubHouse, refusal } from "../helpers/local-github.ts";

const repo = { owner: "acme", repo: "shop" };
let house: GitHubHouse;
let app: Octokit;
let maintainer: Octokit;

beforeAll(async () => {
  house = await openGitHubHouse();
  app = house.as(await house.mint());
  maintainer = house.as(house.github.users.maintainer.token);
});

afterAll(async () => {
  const { invalidResponses } = house.github.state();
  await house[Symbol.asyncDispose]();
  expect(invalidResponses).toEqual([]);
});

async function mainSha(): Promise<string> {
  return (await app.rest.git.getRef({ ...repo, ref: "heads/main" })).data.object.sha;
}

/** A branch one empty commit ahead of main, made as Airlock makes its start commit. */
async function startBranch(name: string): Promise<string> {
  const main = await mainSha();
  const { tree } = (await app.rest.git.getCommit({ ...repo, commit_sha: main })).data;
  const commit = await app.rest.git.createCommit({
    ...repo,
    message: `Start ${name} [skip ci]`,
    tree: tree.sha,
    parents: [main],
  });
  await app.rest.git.createRef({ ...repo, ref: `refs/heads/${name}`, sha: commit.data.sha });
  return commit.data.sha;
}

describe("git through REST", () => {
  it("makes commits that the App's bot wrote, and refs that git sees", async () => {
    const sha = await startBranch("start");
    const commit = (await app.rest.repos.getCommit({ ...repo, ref: sha })).data;
    const { bot } = house.github.app;
    expect(commit.commit.author).toMatchObject({
      name: "airlock[bot]",
      email: `${bot.id}+airlock[bot]@users.noreply.github.com`,
    });
    expect(commit.author).toMatchObject({ id: bot.id, type: "Bot" });
    expect((await house.git(["ls-remote", `${house.github.url}/acme/shop.git`, "start"])).stdout).toContain(sha);
  });

  it("moves refs forward only, unless forced, and refuses what does not exist", async () => {
    const sha = await startBranch("moving");
    const main = await mainSha();
    const ref = { ...repo, ref: "heads/moving" };
    expect(await refusal(app.rest.git.updateRef({ ...ref, sha: main }))).toMatchObject({
      status: 422,
      message: "Update is not a fast forward",
    });
    expect((await app.rest.git.updateRef({ ...ref, sha: main, force: true })).data.object.sha).toBe(main);
    const taken = { ...repo, ref: "refs/heads/moving", sha };
    expect(await refusal(app.rest.git.createRef(taken))).toMatchObject({ status: 422, message: "Reference already exists" });
    expect(await refusal(app.rest.git.updateRef({ ...ref, sha: "1".repeat(40) }))).toMatchObject({
      status: 422,
      message: "Object does not exist",
    });
    expect((await app.rest.git.listMatchingRefs({ ...repo, ref: "heads/mov" })).data.map((one) => one.ref)).toEqual([
      "refs/heads/moving",
    ]);
    await app.rest.git.deleteRef(ref);
    expect((await refusal(app.rest.git.getRef(ref))).status).toBe(404);
    expect(await refusal(app.rest.git.deleteRef(ref))).toMatchObject({ status: 422, message: "Reference does not exist" });
  });

  it("reads and writes files, trees and blobs", async () => {
    await startBranch("files");
    const content = Buffer.from("hello\n").toString("base64");
    const put = { ...repo, path: "docs/note.txt", message: "Note", content, branch: "files" };
    const made = await app.rest.repos.createOrUpdateFileContents(put);
    expect(made.status).toBe(201);
    expect((await refusal(app.rest.repos.createOrUpdateFileContents(put))).status).toBe(422);
    expect((await refusal(app.rest.repos.createOrUpdateFileContents({ ...put, sha: "1".repeat(40) }))).status).toBe(409);
    const read = (await app.rest.repos.getContent({ ...repo, path: "docs/note.txt", ref: "files" })).data;
    expect(read).toMatchObject({ type: "file", size: 6, encoding: "base64" });
    expect((await app.rest.repos.getContent({ ...repo, path: "docs", ref: "files" })).data).toMatchObject([
      { name: "note.txt", type: "file" },
    ]);
    expect((await refusal(app.rest.repos.getContent({ ...repo, path: "absent" }))).status).toBe(404);
    for (const path of ["a/../b", ".git/config", "a//b"]) {
      const entries = [{ path, mode: "100644", type: "blob", content: "x" } as const];
      expect((await refusal(app.rest.git.createTree({ ...repo, tree: entries }))).status).toBe(422);
    }
    const blob = (await app.rest.git.createBlob({ ...repo, content, encoding: "base64" })).data;
    expect((await app.rest.git.getBlob({ ...repo, file_sha: blob.sha })).data.size).toBe(6);
    const entry = { path: "a/b.txt", mode: "100644", type: "blob", sha: blob.sha } as const;
    const tree = (await app.rest.git.createTree({ ...repo, base_tree: "main", tree: [entry] })).data;
    const whole = (await app.rest.git.getTree({ ...repo, tree_sha: tree.sha, recursive: "1" })).data;
    expect(whole.tree.map(({ path }) => path)).toEqual(expect.arrayContaining(["a", "a/b.txt", "src/greeting.js"]));
  });

  it("compares from the merge base and lists commits and branches", async () => {
    const compared = (await app.rest.repos.compareCommitsWithBasehead({ ...repo, basehead: "main...files" })).data;
    expect(compared).toMatchObject({
      status: "ahead",
      ahead_by: 2,
      behind_by: 0,
      files: [{ filename: "docs/note.txt", status: "added", additions: 1 }],
    });
    expect(compared.files?.[0]?.patch).toBe("@@ -0,0 +1 @@\n+hello");
    expect((await app.rest.repos.getBranch({ ...repo, branch: "files" })).data.commit.commit.message).toBe("Note");
    expect((await app.rest.repos.listBranches(repo)).data.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["main", "files", "start"]),
    );
    expect((await app.rest.repos.listCommits({ ...repo, sha: "files" })).data).toHaveLength(3);
    expect((await refusal(app.rest.repos.getBranch({ ...repo, branch: "nowhere" }))).status).toBe(404);
  });
});

describe("issues", () => {
  it("announce each label that comes and goes", async () => {
    const { number } = (await maintainer.rest.issues.create({ ...repo, title: "Labels", labels: ["agent"] })).data;
    expect(await house.heard("issues", "labeled")).toMatchObject({ issue: { number }, label: { name: "agent" } });
    await app.rest.issues.setLabels({ ...repo, issue_number: number, labels: ["agent: working", "other"] });
    expect(await house.heard("issues", "unlabeled")).toMatchObject({
      label: { name: "agent" },
      sender: { login: "airlock[bot]", type: "Bot" },
    });
    await app.rest.issues.removeLabel({ ...repo, issue_number: number, name: "agent: working" });
    expect((await app.rest.issues.listLabelsOnIssue({ ...repo, issue_number: number })).data.map(({ name }) => name)).toEqual([
      "other",
    ]);
    expect(await refusal(app.rest.issues.removeLabel({ ...repo, issue_number: number, name: "agent" }))).toMatchObject({
      status: 404,
    });
    await app.rest.issues.removeAllLabels({ ...repo, issue_number: number });
    const made = { ...repo, name: "agent", color: "0e8a16" };
    expect(await refusal(app.rest.issues.createLabel(made))).toMatchObject({ status: 422, errors: [{ code: "already_exists" }] });
    expect((await app.rest.issues.createLabel({ ...made, name: "fresh" })).data.color).toBe("0e8a16");
    expect((await app.rest.issues.getLabel({ ...repo, name: "fresh" })).data.name).toBe("fresh");
    await app.rest.issues.deleteLabel({ ...repo, name: "fresh" });
    expect((await app.rest.issues.listLabelsForRepo(repo)).data.map(({ name }) => name)).not.toContain("fresh");
  });

  it("are edited, closed and opened again, and listed by state and label", async () => {
    const { number } = (await maintainer.rest.issues.create({ ...repo, title: "Before", body: "old", labels: ["listed"] })).data;
    const at = { ...repo, issue_number: number };
    await maintainer.rest.issues.update({ ...at, title: "After", body: "new" });
    expect(await house.heard("issues", "edited")).toMatchObject({
      changes: { title: { from: "Before" }, body: { from: "old" } },
    });
    await maintainer.rest.issues.update({ ...at, state: "closed", state_reason: "not_planned" });
    expect((await maintainer.rest.issues.get(at)).data).toMatchObject({
      state: "closed",
      state_reason: "not_planned",
      closed_by: { login: "maintainer" },
    });
    expect((await app.rest.issues.listForRepo({ ...repo, labels: "listed" })).data).toEqual([]);
    await maintainer.rest.issues.update({ ...at, state: "open" });
    await house.heard("issues", "reopened");
    expect((await app.rest.issues.listForRepo({ ...repo, labels: "listed" })).data.map((issue) => issue.number)).toEqual([
      number,
    ]);
    expect((await refusal(house.as(house.github.users.outsider.token).rest.issues.update({ ...at, title: "x" }))).status).toBe(
      403,
    );
    expect((await refusal(maintainer.rest.issues.get({ ...repo, issue_number: 999 }))).status).toBe(404);
  });

  it("carry comments, page by page, edited in place and reacted to", async () => {
    const { number } = (await maintainer.rest.issues.create({ ...repo, title: "Talk" })).data;
    const at = { ...repo, issue_number: number };
    const ids: number[] = [];
    for (let n = 1; n <= 5; n += 1) ids.push((await maintainer.rest.issues.createComment({ ...at, body: `note ${n}` })).data.id);
    const first = await app.rest.issues.listComments({ ...at, per_page: 2 });
    expect(first.headers.link).toMatch(/[?&]page=2[^>]*>; rel="next".*[?&]page=3[^>]*>; rel="last"/);
    const all = await app.paginate(app.rest.issues.listComments, { ...at, per_page: 2 });
    expect(all.map(({ id }) => id)).toEqual(ids);
    const comment = { ...repo, comment_id: ids[0] ?? 0 };
    expect((await app.rest.reactions.createForIssueComment({ ...comment, content: "eyes" })).status).toBe(201);
    const again = await app.rest.reactions.createForIssueComment({ ...comment, content: "eyes" });
    expect(again.status).toBe(200);
    expect((await app.rest.issues.getComment(comment)).data.reactions).toMatchObject({ eyes: 1, total_count: 1 });
    await app.rest.reactions.deleteForIssueComment({ ...comment, reaction_id: again.data.id });
    expect((await app.rest.reactions.listForIssueComment(comment)).data).toEqual([]);
    await app.rest.reactions.createForIssue({ ...at, content: "+1" });
    expect((await app.rest.reactions.listForIssue(at)).data).toMatchObject([{ content: "+1", user: { type: "Bot" } }]);
    await maintainer.rest.issues.updateComment({ ...comment, body: "changed" });
    expect(await house.heard("issue_comment", "edited")).toMatchObject({
      changes: { body: { from: "note 1" } },
      comment: { body: "changed" },
    });
    expect(
      (await refusal(house.as(house.github.users.outsider.token).rest.issues.updateComment({ ...comment, body: "x" }))).status,
    ).toBe(403);
    await maintainer.rest.issues.deleteComment(comment);
    await house.heard("issue_comment", "deleted");
    expect((await refusal(app.rest.issues.getComment(comment))).status).toBe(404);
    expect((await app.rest.issues.listCommentsForRepo({ ...repo, since: "2999-01-01T00:00:00Z" })).data).toEqual([]);
    expect((await refusal(app.rest.issues.createComment({ ...at, body: "" }))).status).toBe(422);
    expect((await refusal(app.rest.issues.createComment({ ...at, body: "x".repeat(65_537) }))).status).toBe(422);
    const full = await app.request("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", {
      ...at,
      headers: { accept: "application/vnd.github.full+json" },
    });
    expect(full.data[0]).toMatchObject({ body_html: '<p dir="auto">note 2</p>', body_text: "note 2" });
  });
});

describe("pull requests", () => {
  it("follow their head, by push and by REST, and close when it goes", async () => {
    const before = await startBranch("head-a");
    const pull = (await app.rest.pulls.create({ ...repo, title: "A", head: "head-a", base: "main", body: "text" })).data;
    const at = { ...repo, pull_number: pull.number };
    const put = { ...repo, path: "a.txt", message: "Add a", content: "YQ==", branch: "head-a" };
    const after = (await maintainer.rest.repos.createOrUpdateFileContents(put)).data.commit.sha;
    expect(await house.heard("pull_request", "synchronize")).toMatchObject({
      before,
      after,
      pull_request: { head: { sha: after }, commits: 2 },
    });
    expect((await app.rest.pulls.get(at)).data).toMatchObject({ head: { sha: after }, changed_files: 1, mergeable: true });
    expect((await app.rest.pulls.listFiles(at)).data).toMatchObject([{ filename: "a.txt", additions: 1 }]);
    expect((await app.rest.pulls.listCommits(at)).data.map(({ sha }) => sha)).toEqual([before, after]);
    const fetched = await house.git(["ls-remote", `${house.github.url}/acme/shop.git`, `refs/pull/${pull.number}/head`]);
    expect(fetched.stdout).toContain(String(after));
    const diff = await app.request("GET /repos/{owner}/{repo}/pulls/{pull_number}", {
      ...at,
      headers: { accept: "application/vnd.github.diff" },
    });
    expect(String(diff.data)).toContain("+++ b/a.txt");
    expect((await app.rest.pulls.list({ ...repo, head: "acme:head-a" })).data.map(({ number }) => number)).toEqual([pull.number]);
    expect((await app.rest.pulls.list({ ...repo, head: "acme:other" })).data).toEqual([]);
    await app.rest.git.deleteRef({ ...repo, ref: "heads/head-a" });
    expect(await house.heard("pull_request", "closed")).toMatchObject({ pull_request: { merged: false, state: "closed" } });
  });

  it("are refused where nothing is to be merged, where one is there already, and from a branch that is not", async () => {
    await startBranch("head-b");
    await app.rest.git.createRef({ ...repo, ref: "refs/heads/level", sha: await mainSha() });
    const wanted = { ...repo, title: "B", base: "main" };
    expect(await refusal(app.rest.pulls.create({ ...wanted, head: "level" }))).toMatchObject({
      status: 422,
      errors: [{ message: "No commits between main and level" }],
    });
    await app.rest.pulls.create({ ...wanted, head: "head-b" });
    const twice = { status: 422, errors: [{ message: "A pull request already exists for acme:head-b." }] };
    expect(await refusal(app.rest.pulls.create({ ...wanted, head: "head-b" }))).toMatchObject(twice);
    expect(await refusal(app.rest.pulls.create({ ...wanted, head: "nowhere" }))).toMatchObject({
      status: 422,
      errors: [{ field: "head", code: "invalid" }],
    });
    expect(await refusal(app.rest.pulls.create({ ...wanted, head: "head-b", base: "nope" }))).toMatchObject({
      status: 422,
      errors: [{ field: "base" }],
    });
  });

  it("are edited, reviewed, labeled and merged", async () => {
    await startBranch("head-c");
    const { number } = (await app.rest.pulls.create({ ...repo, title: "C", head: "head-c", base: "main" })).data;
    const at = { ...repo, pull_number: number };
    await app.rest.pulls.update({ ...at, title: "C, again", body: "more" });
    expect(await house.heard("pull_request", "edited")).toMatchObject({ changes: { title: { from: "C" } } });
    await maintainer.rest.issues.addLabels({ ...repo, issue_number: number, labels: ["agent"] });
    expect(await house.heard("pull_request", "labeled")).toMatchObject({ number, label: { name: "agent" } });
    const review = { ...at, event: "REQUEST_CHANGES" as const, body: "No." };
    await maintainer.rest.pulls.createReview(review);
    expect(await house.heard("pull_request_review", "submitted")).toMatchObject({
      review: { state: "changes_requested", body: "No." },
    });
    expect((await refusal(app.rest.pulls.createReview(review))).status).toBe(422);
    expect((await app.rest.pulls.listReviews(at)).data).toMatchObject([{ state: "CHANGES_REQUESTED" }]);
    expect((await app.rest.pulls.listReviewComments(at)).data).toEqual([]);
    expect((await maintainer.rest.pulls.merge(at)).data.merged).toBe(true);
    expect((await app.rest.pulls.get(at)).data).toMatchObject({
      merged: true,
      state: "closed",
      merged_by: { login: "maintainer" },
    });
    expect((await refusal(maintainer.rest.pulls.merge(at))).status).toBe(405);
    expect((await refusal(maintainer.rest.pulls.update({ ...at, state: "open" }))).status).toBe(422);
  });

  it("come from forks too, whose heads the base then serves", async () => {
    const { github, git, folder } = house;
    await github.addRepository({ owner: "outsider", name: "shop", files: {}, forkOf: "acme/shop", installed: false });
    const { token } = github.users.outsider;
    await git(["clone", "-q", `${github.url}/outsider/shop.git`, "fork"], { token });
    const cwd = join(folder, "fork");
    await writeFile(join(cwd, "fork.txt"), "mine\n");
    await git(["add", "."], { cwd });
    await git(["commit", "-qm", "Mine"], { cwd });
    expect((await git(["push", "-q", "origin", "HEAD:refs/heads/idea"], { cwd, token })).stderr).toBe("");
    const pull = (await house.as(token).rest.pulls.create({ ...repo, title: "Idea", head: "outsider:idea", base: "main" })).data;
    expect(pull).toMatchObject({
      head: { label: "outsider:idea", repo: { full_name: "outsider/shop", fork: true } },
      base: { repo: { full_name: "acme/shop" } },
    });
    expect((await git(["ls-remote", `${github.url}/acme/shop.git`, `refs/pull/${pull.number}/head`])).stdout).toContain(
      pull.head.sha,
    );
    await writeFile(join(cwd, "fork.txt"), "mine, again\n");
    await git(["commit", "-qam", "Again"], { cwd });
    await git(["push", "-q", "origin", "HEAD:refs/heads/idea"], { cwd, token });
    expect(await house.heard("pull_request", "synchronize")).toMatchObject({ number: pull.number, before: pull.head.sha });
  });
});

describe("check runs", () => {
  it("stand on commits, complete with a conclusion only, and are found by ref", async () => {
    const sha = await startBranch("checked");
    const made = { ...repo, name: "airlock", head_sha: sha, external_id: "run-1", details_url: "http://127.0.0.1/runs/1" };
    expect((await refusal(app.rest.checks.create({ ...made, head_sha: "1".repeat(40) }))).status).toBe(422);
    const completed = { ...made, status: "completed" } as unknown as typeof made;
    expect(await refusal(app.rest.checks.create(completed))).toMatchObject({ status: 422, errors: [{ field: "conclusion" }] });
    const run = (await app.rest.checks.create(made)).data;
    const at = { ...repo, check_run_id: run.id };
    const annotation = { path: "a", start_line: 1, end_line: 1, annotation_level: "notice" as const, message: "m" };
    await app.rest.checks.update({
      ...at,
      status: "in_progress",
      output: { title: "t", summary: "s", annotations: [annotation] },
    });
    expect((await app.rest.checks.listAnnotations(at)).data).toMatchObject([{ message: "m" }]);
    const actions = [1, 2, 3, 4].map((n) => ({ label: `b${n}`, identifier: `b${n}`, description: "d" }));
    expect((await refusal(app.rest.checks.update({ ...at, actions }))).status).toBe(422);
    const done = (await app.rest.checks.update({ ...at, conclusion: "success", actions: actions.slice(0, 1) })).data;
    expect(done).toMatchObject({ status: "completed", conclusion: "success", external_id: "run-1" });
    const found = (await app.rest.checks.listForRef({ ...repo, ref: "checked", check_name: "airlock" })).data;
    expect(found).toMatchObject({ total_count: 1, check_runs: [{ id: run.id }] });
    const suites = (await app.rest.checks.listSuitesForRef({ ...repo, ref: sha })).data;
    expect(suites.check_suites).toMatchObject([{ status: "completed", conclusion: "success", latest_check_runs_count: 1 }]);
    const suite = { ...repo, check_suite_id: suites.check_suites[0]?.id ?? 0 };
    expect((await app.rest.checks.getSuite(suite)).data.head_branch).toBe("checked");
    expect((await app.rest.checks.listForSuite(suite)).data.total_count).toBe(1);
    await maintainer.rest.checks.rerequestRun(at);
    expect(await house.heard("check_run", "rerequested")).toMatchObject({
      check_run: { id: run.id },
      sender: { login: "maintainer" },
    });
    await maintainer.rest.checks.rerequestSuite(suite);
    expect(await house.heard("check_suite", "rerequested")).toMatchObject({
      check_suite: { status: "queued", conclusion: null },
    });
    const press = (token: string): Promise<Response> =>
      fetch(`${house.github.url}/_local/repos/acme/shop/check-runs/${run.id}/requested-action`, {
        method: "POST",
        headers: { authorization: `token ${token}` },
        body: JSON.stringify({ identifier: "b1" }),
      });
    expect((await press(house.github.users.outsider.token)).status).toBe(403);
    expect((await press(house.github.users.writer.token)).status).toBe(202);
    expect(await house.heard("check_run", "requested_action")).toMatchObject({
      requested_action: { identifier: "b1" },
      sender: { login: "writer" },
    });
  });
});

describe("webhooks", () => {
  /** The package's types describe it as CommonJS; what is imported is the list itself. */
  const examples = (recorded as unknown as { name: string; examples: Record<string, unknown>[] }[]).flatMap((one) =>
    one.examples.map((payload) => ({ name: `${one.name}.${payload.action ?? ""}`, payload })),
  );
  const kind = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
  /** In GitHub's description, and newer than the recordings (an installation's times were numbers once). */
  const newer = new Set(["requester", "client_id", "user_view_type", "state_reason"]);
  const changed = new Set(["installation.created_at", "installation.updated_at"]);
  const entries = (value: unknown): [string, unknown][] =>
    kind(value) === "object"
      ? Object.entries(value as object).flatMap(([key, inner]) => [[key, inner], ...below(key, inner)])
      : [];
  const below = (key: string, value: unknown): [string, unknown][] =>
    kind(value) === "object" ? Object.entries(value as object).map(([inner, deep]) => [`${key}.${inner}`, deep]) : [];
  const kindsOf = (payloads: Record<string, unknown>[]): Map<string, Set<string>> => {
    const kinds = new Map<string, Set<string>>();
    for (const [key, value] of payloads.flatMap(entries)) kinds.set(key, (kinds.get(key) ?? new Set()).add(kind(value)));
    return kinds;
  };

  it("have the keys and the types of those that GitHub was recorded to send", async () => {
    await house.github.settled();
    const seen = new Set<string>();
    const strange = new Set<string>();
    const everywhere = kindsOf(examples.map(({ payload }) => payload));
    for (const { event, payload } of house.received) {
      const name = `${event}.${payload.action ?? ""}`;
      const like = examples.filter((example) => example.name === name).map((example) => example.payload);
      if (like.length === 0) continue;
      seen.add(name);
      const recordedKinds = kindsOf(like);
      for (const [key, value] of entries(payload)) {
        if (newer.has(key.split(".").at(-1) ?? "") || changed.has(key)) continue;
        // The keys of the event's own; what an App's payload adds to a repository's hook was recorded with other events.
        const kinds = recordedKinds.get(key) ?? everywhere.get(key) ?? new Set(["absent"]);
        if (!kinds.has(kind(value)) && value !== null && !kinds.has("null"))
          strange.add(`${name}: ${key} is ${kind(value)}, recorded as ${[...kinds].join(" or ")}`);
      }
    }
    expect([...strange]).toEqual([]);
    expect([...seen].sort()).toEqual([
      "check_run.completed",
      "check_run.created",
      "check_run.requested_action",
      "check_run.rerequested",
      "check_suite.completed",
      "check_suite.requested",
      "check_suite.rerequested",
      "installation.created",
      "issue_comment.created",
      "issue_comment.deleted",
      "issue_comment.edited",
      "issues.edited",
      "issues.labeled",
      "issues.opened",
      "issues.reopened",
      "issues.unlabeled",
      "pull_request.closed",
      "pull_request.labeled",
      "pull_request.opened",
      "pull_request.synchronize",
      "pull_request_review.submitted",
    ]);
  });
});
