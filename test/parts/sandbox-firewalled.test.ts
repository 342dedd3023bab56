import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedChecksOf } from "../../src/sandbox/expected-checks.ts";
import { writeGrant } from "../../src/sandbox/firewalled-folders.ts";
import { decideVerified, verifySandbox } from "../../src/sandbox/verify.ts";
import { type FirewalledBox, openFirewalled, openWorld, type World } from "../helpers/firewalled-fixture.ts";
import { openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";
import { until } from "../helpers/until.ts";

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

  it("finds the token that follows its first one, by gh and by git", async () => {
    await using box = await openFirewalled(engine, world, { token: "ghs_first" });
    const gh = "/work/home/.config/gh/hosts.yml";
    const talking = box.shell(`echo "gh: $(grep -c ghs_first ${gh})"; curl -s -o /dev/null http://127.0.0.1:8090/sign-of-life
      timeout 60 sh -c 'until grep -q ghs_second ${gh}; do sleep 0.2; done'; echo "then: $(grep -c ghs_first ${gh}) $(stat -c %a ${gh})"
      printf 'protocol=%s\nhost=%s\n' "$(sed 's,:.*,,' /github/host)" "$(sed 's,^[a-z]*://,,' /github/host)" | git credential fill | grep ^password`);
    await until("the shell", async () => box.door.requests.some((path) => path.includes("sign-of-life")));
    const { network, uid } = box.spec;
    if (network.mode !== "firewalled") throw new Error("not firewalled");
    await writeGrant(network.grantFolder, { token: "ghs_second", gid: uid });
    expect((await talking).trim()).toBe("gh: 1\nthen: 0 600\npassword=ghs_second");
  });
});
