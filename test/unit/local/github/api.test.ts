import { describe, expect, it } from "vitest";
import { createApi } from "../../../../src/local/github/api.ts";
import { loadContract } from "../../../../src/local/github/contract.ts";
import { createFaults } from "../../../../src/local/github/faults.ts";
import { type Account, createWorld, type Repository } from "../../../../src/local/github/state.ts";
import { createWebhooks } from "../../../../src/local/github/webhooks.ts";

function house() {
  const world = createWorld({ url: "http://127.0.0.1:1", folder: "/nowhere" });
  const contract = loadContract();
  const owner: Account = { id: world.nextId(), login: "acme", type: "Organization", createdAt: "2026-11-24T00:00:00Z" };
  const repository: Repository = {
    id: world.nextId(),
    owner,
    name: "shop",
    private: false,
    parent: undefined,
    defaultBranch: "main",
    folder: "/nowhere/acme/shop.git",
    createdAt: owner.createdAt,
    pushedAt: owner.createdAt,
    archived: false,
    sizeKiB: 1,
    gone: new Map(),
    formerBranches: new Map(),
    roles: new Map(),
    labels: [{ id: world.nextId(), name: "agent", color: "ededed", description: null }],
    issues: new Map(),
    comments: new Map(),
    checkSuites: new Map(),
    checkRuns: new Map(),
    workflows: [],
    workflowRuns: new Map(),
  };
  world.repositories.set(repository.id, repository);
  const api = createApi({ world, contract, webhooks: createWebhooks(world, contract, createFaults()) });
  const get = (path: string) =>
    api.answer(
      { method: "GET", address: new URL(`http://127.0.0.1:1/api/v3${path}`), headers: {}, body: Buffer.alloc(0) },
      () => {},
    );
  return { world, repository, get };
}

describe("an answer of the local GitHub", () => {
  it("passes where GitHub's description allows it", async () => {
    const { get, world } = house();
    expect((await get("/repos/acme/shop/labels")).json).toMatchObject([{ name: "agent" }]);
    expect(world.invalidResponses).toEqual([]);
  });

  it("is a 500 and on record where GitHub would not give it", async () => {
    const { get, world, repository } = house();
    Object.assign(repository.labels[0] ?? {}, { color: 7 });
    await expect(get("/repos/acme/shop/labels")).rejects.toMatchObject({ status: 500 });
    expect(world.invalidResponses).toEqual([{ where: "issues/list-labels-for-repo 200", problem: "0.color must be string" }]);
  });

  it("never counts an id twice, and begins where no earlier process has been", () => {
    const { world } = house();
    const [first, second] = [world.nextId(), world.nextId()];
    expect(second).toBeGreaterThan(first);
    expect(first).toBeGreaterThan(Date.parse("2026-01-01"));
  });
});
