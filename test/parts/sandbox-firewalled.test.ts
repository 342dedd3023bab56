import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedChecksOf } from "../../src/sandbox/expected-checks.ts";
import { decideVerified, verifySandbox } from "../../src/sandbox/verify.ts";
import { type FirewalledBox, openFirewalled, openWorld, type World } from "../helpers/firewalled-fixture.ts";
import { openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";

let engine: TestEngine;
let world: World;
beforeAll(async () => {
  engine = await openTestEngine();
  world = await openWorld();
}, 400_000);
afterAll(() => world?.[Symbol.asyncDispose]());

const verify = async ({ handle, spec, probeLine, namespace }: FirewalledBox) => {
  const seen = await verifySandbox({ engine: engine.engine, handle, spec, probeLine, pauseId: namespace.pauseId });
  return decideVerified([...seen, ...namespace.checks], expectedChecksOf("firewalled"));
};

describe("a firewalled sandbox", { timeout: 120_000 }, () => {
  it("is verified from inside and from outside", async () => {
    world.internet.forget();
    await using box = await openFirewalled(engine, world);
    const found = await verify(box);
    expect(found.verified ? [] : found.failed).toEqual([]);
    expect(world.internet.hits()).toEqual([]);
  });
});
