import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git } from "../../src/local/github/git.ts";
import type { RunView } from "../../src/pages/view.ts";
import { parsePathRules } from "../../src/settings/paths.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { until } from "../helpers/until.ts";

const paths = parsePathRules(".husky/**=allow,docs/**=draft,.github/**=allow");
let house: TestHouse;
beforeAll(async () => {
  if (typeof paths === "string") throw new Error(paths);
  house = await openHouse({ publish: { ci: "auto", workflows: "hold", paths } });
  const content = 'paths:\n  "secret/**": refuse\n  ".husky/**": draft\n';
  await house.commit({ branch: "main", path: ".github/agent.yml", content });
});
afterAll(() => house?.close());

const write = (path: string) =>
  `mkdir -p "$(dirname ${path})" && echo 'on: push' > ${path} && git add -A && git commit -qm 'Write'`;
async function ask(path: string): Promise<number> {
  const issue = await house.openIssue({ shell: write(path) });
  await house.setLabel(issue);
  return issue;
}
async function pullOf(run: RunView) {
  const { json } = await house.ask("maintainer", "GET", `/pulls/${run.pullRequest?.number}`);
  return json as { draft: boolean; body: string };
}
async function held(issue: number): Promise<RunView & { held: NonNullable<RunView["held"]> }> {
  const run = await until(`#${issue} held`, async () => {
    const seen = (await house.runsOf(issue)).at(-1);
    return seen?.timeline.some(({ words }) => words === "Waits for a person's word") ? seen : undefined;
  });
  if (!run.held) throw new Error(`run ${run.id} is ${run.state.at}`);
  return { ...run, held: run.held };
}

describe("rules for paths", () => {
  it("of the operator make a draft, and the pull request says why", async () => {
    const run = await house.ended(await ask("docs/plan.md"));
    expect(run.state.outcome).toBe("succeeded");
    const { draft, body } = await pullOf(run);
    expect(draft).toBe(true);
    expect(body).toMatch(/a draft for docs\/plan\.md \(rule operator\).*AIRLOCK_PATHS says draft for docs\/\*\*/);
  });

  it("of the repository tighten what the operator loosened, and refuse with their own words", async () => {
    const hook = await house.ended(await ask(".husky/pre-commit"));
    expect(hook.state.outcome).toBe("succeeded");
    const { draft, body } = await pullOf(hook);
    expect(draft).toBe(true);
    expect(body).toMatch(/\.husky\/pre-commit \(rule repository\)/);
    const secret = await ask("secret/plan.txt");
    const run = await house.ended(secret);
    const words = /[`']secret\/plan\.txt[`'].*\.github\/agent\.yml says refuse for secret\/\*\*/;
    expect(run.state).toMatchObject({ outcome: "refused", reason: expect.stringMatching(words) });
    expect((await house.answersOn(secret))[0]?.body).toMatch(words);
    expect(run.patch).toContain("secret/plan.txt");
  });

  it("[22] leave workflows to AIRLOCK_WORKFLOWS: held, and pushed by a word where the App may write them", async () => {
    const { world, app } = house.local.github;
    const installation = world.installations.find(({ id }) => id === app.installationId);
    const path = ".github/workflows/ci.yml";
    const [one, other] = [await ask(path), await ask(path)];
    const [first, second] = [await held(one), await held(other)];
    expect(first.held.why).toEqual([expect.stringMatching(/ci\.yml \(rule workflow\)/)]);
    // The control: the word alone is not enough, since GitHub asks for a permission of its own.
    await house.comment(one, "/agent publish");
    const refused = await house.ended(one);
    expect(refused.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("Workflows: read and write") });
    expect(refused.patch).toContain(path);
    if (installation) installation.permissions = { ...installation.permissions, workflows: "write" };
    await house.comment(other, "/agent publish");
    expect((await house.ended(other)).state.outcome).toBe("succeeded");
    const branch = `agent/issue-${other}`;
    expect(await house.tipOf(branch)).toBe(second.held.sha);
    expect(await git(house.local.github.gitFolder("acme", "shop"), ["ls-tree", "-r", "--name-only", branch])).toContain(path);
    const asked = second.grants.some(({ permissions }) => "workflows" in permissions);
    expect(asked, "the permission was asked for before the word").toBe(false);
  });
});
