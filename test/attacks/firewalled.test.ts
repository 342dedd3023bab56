import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineLabels, printRunId } from "../../src/run/identity.ts";
import { refreshNamespace } from "../../src/sandbox/namespace.ts";
import { readCounters, readRefused } from "../../src/sandbox/nft.ts";
import { parseRange } from "../../src/sandbox/ranges.ts";
import { createReach } from "../../src/sandbox/reach.ts";
import { readySandbox } from "../../src/sandbox/ready.ts";
import { removeSandbox } from "../../src/sandbox/sandboxes.ts";
import { openFirewalled, openWorld, type World } from "../helpers/firewalled-fixture.ts";
import { openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";
import { until } from "../helpers/until.ts";

const attacker = readFileSync(path.join(import.meta.dirname, "../fixtures/firewalled-attacker.mjs"), "utf8");
const inShell = (...args: string[]) =>
  `cat > /tmp/a.mjs <<'END_OF_ATTACK'\n${attacker}\nEND_OF_ATTACK\nnode /tmp/a.mjs ${args.join(" ")}\n`;
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
  it("[1][5][7][54][55] lets nothing reach a stranger, by any way that reaches one without the firewall", async () => {
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
    await box.shell(inShell());
    const { pid } = box.namespace;
    const refused = await readRefused(pid);
    expect(refused).toEqual(
      expect.arrayContaining([expect.objectContaining({ address: "203.0.113.10", protocol: "tcp", port: 80 })]),
    );
    const counters = await readCounters(pid);
    expect(counters.refused_out).toBeGreaterThan(0);
    expect(counters.refused_dns).toBeGreaterThan(0);
  });

  it("[56] cuts off a connection that stands when its address leaves the set, and leaves the agent no rule to change", async () => {
    await using box = await openFirewalled(engine, world);
    const { pid } = box.namespace;
    const talking = box.shell(`node -e '
      const socket = require("net").connect(443, "198.51.100.10");
      let answered = 0, silent = 0;
      socket.on("data", () => { answered++; silent = 0; });
      socket.on("error", () => {});
      setInterval(() => {
        socket.write("GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n");
        if (++silent > 30) { console.log("answered " + (answered > 0) + ", then cut"); process.exit(); }
      }, 100);
      setTimeout(() => { console.log("never cut"); process.exit(); }, 40000);
    '; command -v nft iptables ip; unshare -rn true 2>/dev/null && echo unshared; nsenter -t 1 -n true 2>/dev/null && echo entered; true`);
    await until("the connection to stand", async () => ((await readCounters(pid)).allowed_out ?? 0) > 12);
    const elsewhere = parseRange("198.51.100.99");
    await refreshNamespace(engine.engine, box.spec.run, { ...box.plan, ranges: elsewhere ? [elsewhere] : [] });
    expect((await talking).trim()).toBe("answered true, then cut");
  });

  const nft = (rules: string) => async (pid: number) => {
    await world.internet.join(pid);
    await execa("nsenter", ["--target", `${pid}`, "--net", "--", "nft", "-f", "-"], { input: rules });
  };
  const tampered: [string, string, string[]][] = [
    ["a further address", "add element inet airlock allowed { 203.0.113.10 }", ["engine.rules-addresses"]],
    ["a rule that lets all pass", "insert rule inet airlock output accept", ["engine.rules"]],
    ["another policy", "add chain inet airlock output { policy accept; }", ["engine.rules"]],
    ["no rules for what is forwarded", "flush chain inet airlock forward", ["engine.rules"]],
  ];
  it.each(tampered)("[56] starts nothing behind rules with %s", async (_, rules, failed) => {
    await using attempt = await tryReady(nft(rules));
    expect(attempt.fact).toMatchObject({ is: "not-sealed", failed });
    expect(attempt.containers).toEqual([]);
  });

  it("[56] starts nothing where the rules have gone", async () => {
    await expect(tryReady(nft("flush ruleset"))).rejects.toMatchObject({ code: "engine.firewall" });
  });

  it("[56] control: finds the rules right and makes the sandbox where nobody meddled", async () => {
    await using attempt = await tryReady(world.internet.join);
    const failed = attempt.fact.is === "not-sealed" ? attempt.fact.failed : [];
    // There is no gateway in this house: what the probe says is another test's.
    expect(failed).toContain("gateway");
    expect(failed.filter((name) => name.startsWith("engine."))).toEqual([]);
    expect(attempt.containers).toHaveLength(1);
  });
});

/** As the App readies a sandbox, but with a gateway that opens no door. */
async function tryReady(join: (pid: number) => Promise<void>) {
  await using held = new AsyncDisposableStack();
  const folder = held.adopt(await mkdtemp(path.join(tmpdir(), "airlock-ready-")), (made) => rm(made, { recursive: true }));
  const run = printRunId(crypto.getRandomValues(new Uint8Array(10)));
  held.defer(() => removeSandbox(engine.engine, { instance: "test", run }));
  const { internet } = world;
  const reach = createReach({
    ...{ webUrl: "https://github.com", apiUrl: "https://api.github.com", tell: () => {} },
    readMeta: async () => internet.meta,
    world: { ...internet, join },
  });
  const gateway = { openDoor: async () => {} } as unknown as Parameters<typeof readySandbox>[0]["gateway"];
  const fact = await readySandbox(
    {
      ...{ engine: engine.engine, gateway, accounts: undefined, instance: "test", runsFolder: folder },
      ...{ image: { id: engine.imageId }, memoryBytes: 1024 ** 3, reach, helpers: [], secretPaths: [] },
    } as unknown as Parameters<typeof readySandbox>[0],
    { id: run, uid: 700_253, mode: "firewalled" },
  );
  const label = [`${engineLabels.run}=${run}`, `${engineLabels.role}=sandbox`];
  const containers = await engine.engine.docker.listContainers({ all: true, filters: JSON.stringify({ label }) });
  const kept = held.move();
  return { fact, containers, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
