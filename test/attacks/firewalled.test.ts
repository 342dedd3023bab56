import { readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineLabels } from "../../src/run/identity.ts";
import { refreshNamespace } from "../../src/sandbox/namespace.ts";
import { readCounters, readRefused } from "../../src/sandbox/nft.ts";
import { parseRange } from "../../src/sandbox/ranges.ts";
import { removeSandbox } from "../../src/sandbox/sandboxes.ts";
import { openFirewalled, openWorld, type World } from "../helpers/firewalled-fixture.ts";
import { openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";
import { until } from "../helpers/until.ts";

const attacker = readFileSync(path.join(import.meta.dirname, "../fixtures/firewalled-attacker.mjs"), "utf8");
const inShell = (...args: string[]) => `cat > /tmp/a.mjs <<'END_OF_ATTACK'\n${attacker}\nEND_OF_ATTACK\nnode /tmp/a.mjs ${args.join(" ")}\n`;
const attemptsIn = (text: string) =>
  (JSON.parse(/^\{"attempts".*$/m.exec(text)?.[0] ?? "{}") as { attempts?: Record<string, string> }).attempts ?? {};

let engine: TestEngine;
let world: World;
beforeAll(async () => {
  engine = await openTestEngine();
  world = await openWorld();
}, 400_000);
afterAll(() => world?.[Symbol.asyncDispose]());

/** The same cable into the same world, and no firewall. It has no other network, and no route but to documentation addresses. */
async function inControl(script: string): Promise<string> {
  const container = await engine.engine.docker.createContainer({
    Image: engine.imageId,
    Entrypoint: ["sleep", "60"],
    User: "0:0",
    Labels: { [engineLabels.instance]: "test" },
    HostConfig: { NetworkMode: "none", AutoRemove: true },
  });
  try {
    await container.start();
    await world.internet.join((await container.inspect()).State.Pid);
    return (await execa("docker", ["exec", "-i", container.id, "bash", "-s"], { input: script })).stdout;
  } finally {
    await container.remove({ force: true });
  }
}

describe("a firewalled sandbox under attack", { timeout: 180_000 }, () => {
  it("[1] [5] [7] [54] [55] lets nothing reach a stranger, by any way that reaches one without the firewall", async () => {
    world.internet.forget();
    const control = attemptsIn(await inControl(inShell("--control")));
    expect(Object.keys(control)).toHaveLength(13);
    expect(Object.entries(control).filter(([, got]) => got !== "got true")).toEqual([]);
    const reached = () => world.internet.hits();
    await until("the hits of the control", async () => reached().length >= 13);
    expect(reached().some(({ by, said }) => by === "dns" && said === "c2VjcmV0.canary.test")).toBe(true);

    world.internet.forget();
    await using box = await openFirewalled(engine, world);
    const allowed = `curl -sS -o /dev/null -w 'allowed %{http_code}\\n' http://github.airlock.test:443/`;
    const said = await box.shell(`${inShell()}${allowed}`);
    const attempts = attemptsIn(said);
    expect(Object.keys(attempts)).toHaveLength(18);
    for (const [name, got] of Object.entries(attempts)) expect(`${name}: ${got}`).not.toContain("got true");
    // Nobody answered by himself either: each was refused by the firewall, or by the resolver of ours.
    for (const name of ["our resolver by udp", "our resolver by tcp"]) expect(attempts[name]).toBe("code 5");
    expect(reached()).toEqual([]);
    expect(said).toContain("allowed 200");
  });

  it("[2] leaves every refused attempt in the namespace's record", async () => {
    await using box = await openFirewalled(engine, world);
    await box.shell(`${inShell()}sleep 30`).catch(() => "");
    const { pid } = box.namespace;
    const refused = await readRefused(pid);
    expect(refused).toEqual(expect.arrayContaining([expect.objectContaining({ address: "203.0.113.10", protocol: "tcp", port: 80 })]));
    const counters = await readCounters(pid);
    expect(counters.refused_out).toBeGreaterThan(0);
    expect(counters.refused_dns).toBeGreaterThan(0);
  });
});
