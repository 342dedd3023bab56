import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createGitHubApp, type GitHubApp } from "../../src/github/app.ts";
import { createThrottle, type Throttle } from "../../src/github/throttle.ts";
import { Secret } from "../../src/secret/secret.ts";
import { controlFell } from "../helpers/control.ts";
import { type GitHubHouse, openGitHubHouse } from "../helpers/local-github.ts";

const repo = { owner: "acme", repo: "shop" };
let house: GitHubHouse;
beforeAll(async () => {
  house = await openGitHubHouse();
});
afterAll(() => house[Symbol.asyncDispose]());
afterEach(() => house.github.faults.clear());

const appWith = (throttle?: Throttle): GitHubApp =>
  createGitHubApp({
    ...{ appId: house.github.app.id, privateKey: new Secret(house.github.app.privateKey) },
    ...{ apiUrl: house.github.api, webHost: house.github.host, ...(throttle && { throttle }) },
  });
const limited = { status: 403, message: "You have exceeded a secondary rate limit." };

describe("the runs of an App", () => {
  let names = 0;
  /** Three runs, each with its own token, that write at the same time. Answers how many writes GitHub refused. */
  const writeAtOnce = async (app: GitHubApp): Promise<number> => {
    const tokens = await Promise.all([house.mint(), house.mint(), house.mint()]);
    const writes = tokens.flatMap((token) => {
      const { issues } = app.apiFor(token).rest;
      return Array.from({ length: 4 }, () => issues.createLabel({ ...repo, name: `label-${names++}` }));
    });
    return (await Promise.allSettled(writes)).filter(({ status }) => status === "rejected").length;
  };

  it("together create no more in a span than GitHub takes, and nothing is refused", async () => {
    const beyond = { times: 5, withinMs: 900 };
    const rule = { match: { method: "WRITE", path: "/api/v3/repos" }, times: 0, beyond, ...limited };
    house.github.faults.add({ ...rule, headers: { "retry-after": "60" } });
    controlFell((await writeAtOnce(appWith(createThrottle({ windows: [] })))) > 0, "writing without a limit of one's own");
    house.github.faults.clear();
    house.github.faults.add({ ...rule, headers: { "retry-after": "60" } });
    const windows = [{ of: "content", most: 5, withinMs: 1_000 } as const];
    expect(await writeAtOnce(appWith(createThrottle({ windows })))).toBe(0);
  });

  it("all wait when one of them is told to, as long as GitHub says", async () => {
    const app = appWith();
    house.github.faults.add({ match: { method: "POST", path: "/api/v3/repos" }, ...limited, headers: { "retry-after": "1" } });
    const [one, other] = await Promise.all([house.mint(), house.mint()]);
    await expect(app.apiFor(one).rest.issues.createLabel({ ...repo, name: "told" })).rejects.toThrow("secondary");
    const toldAtMs = Date.now();
    await app.apiFor(other).rest.repos.get(repo);
    expect(Date.now() - toldAtMs).toBeGreaterThanOrEqual(950);
  });
});
