import type { ContainerCreateOptions } from "dockerode";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalModel, startLocalModel } from "../../src/local/model/server.ts";
import type { Machine } from "../../src/setup/machine.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
let model: LocalModel;
let isLoose = false;
const wrongKey = "sk-not-the-key-of-that-model";

beforeAll(async () => {
  model = await startLocalModel({ key: "the-only-key-that-it-takes" });
  const env = { ANTHROPIC_API_KEY: wrongKey, ANTHROPIC_BASE_URL: model.url };
  house = await openHouse({ pay: env, change: loosenable });
});
afterAll(async () => {
  await house?.close();
  await model?.close();
});

/** An engine between which and Airlock somebody stands who gives containers a capability more than was asked for. */
function loosenable(machine: Machine): Machine {
  const { docker } = machine.engine;
  const createContainer = (options: ContainerCreateOptions) =>
    docker.createContainer(isLoose ? { ...options, HostConfig: { ...options.HostConfig, CapAdd: ["NET_RAW"] } } : options);
  const changed = new Proxy(docker, {
    get(target, name) {
      if (name === "createContainer") return createContainer;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { ...machine, engine: { ...machine.engine, docker: changed } };
}

describe("a sandbox that is not what it should be", () => {
  it("gets no agent, and the failed check is named on check run, comment and page", async () => {
    isLoose = true;
    const issue = await house.openIssue({ shell: "echo never" });
    await house.setLabel(issue);
    const start = await until("the start commit", () => house.tipOf(`agent/issue-${issue}`));
    const run = await house.ended(issue);
    isLoose = false;
    expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("engine.capabilities") });
    expect(run.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toContain("engine.capabilities");
    expect(run.startedAtMs).toBeUndefined();
    expect(run.evidence.rows.filter(({ door }) => door === "model")).toEqual([]);
    expect(model.requests()).toEqual([]);
    const [check] = await house.checksOn(start);
    expect(check).toMatchObject({ status: "completed", conclusion: "failure" });
    expect(check?.output.summary).toContain("engine.capabilities");
    expect((await house.answersOn(issue))[0]?.body).toContain("engine.capabilities");
    expect((await house.page(run)).text).toContain("engine.capabilities");
  });
});

describe("a key that the model API refuses", () => {
  it("ends the run soon, with the setting's name, and is not tried over and over", async () => {
    const issue = await house.openIssue({ shell: "echo never" });
    await house.setLabel(issue);
    const start = await until("the start commit", () => house.tipOf(`agent/issue-${issue}`));
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("ANTHROPIC_API_KEY") });
    const asked = model.requests();
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(5);
    expect(asked.every(({ sawKey, status }) => !sawKey && status === 401)).toBe(true);
    expect((run.endedAtMs ?? Number.POSITIVE_INFINITY) - (run.startedAtMs ?? 0)).toBeLessThan(await house.timely(run, 15_000));
    expect(await house.checksOn(start)).toMatchObject([{ status: "completed", conclusion: "failure" }]);
    const [answer] = await house.answersOn(issue);
    expect(answer?.body).toContain("ANTHROPIC_API_KEY");
    for (const text of [answer?.body, (await house.page(run)).text, house.log()]) expect(text).not.toContain(wrongKey);
    expect(await house.runsOf(issue)).toHaveLength(1);
  });
});
