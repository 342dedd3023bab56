import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalHouse, startLocalHouse } from "../../src/cli/local-house.ts";
import { childEnvironment } from "../../src/settings.ts";
import { ensureMachine } from "../../src/setup/machine.ts";
import { createPeople } from "../helpers/people.ts";
import { expectNothingLeft } from "../helpers/remains.ts";
import { until } from "../helpers/until.ts";

let house: LocalHouse;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "airlock-commands-"));
  const machine = await ensureMachine({ provision: false, env: childEnvironment(), signal: AbortSignal.timeout(300_000) });
  house = await startLocalHouse({ machine, dataFolder: folder, env: { LOG_LEVEL: "error" }, mayPay: false });
}, 400_000);
afterAll(async () => {
  await house?.[Symbol.asyncDispose]();
  await expectNothingLeft(folder);
  await rm(folder, { recursive: true, force: true });
});

function start(...args: string[]) {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "../../src/airlock.ts"), "sandbox", ...args], {
    env: { PATH, HOME, AIRLOCK_DATA: folder },
  });
  const ended = Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]);
  return { child, ended: ended.then(([[code], stdout, stderr]) => ({ code, stdout, stderr })) };
}

/** Sandboxes and volumes of the house, and what its gateway still knows. */
async function remains(): Promise<string[]> {
  const { docker } = (await ensureMachine({ provision: false, env: childEnvironment(), signal: AbortSignal.timeout(60_000) }))
    .engine;
  const found = await docker.listContainers({ all: true, filters: JSON.stringify({ label: ["airlock.role=sandbox"] }) });
  const { instance } = (await import("../../src/settings.ts")).readPlaceSettings({ env: {}, cwd: "/", dataFolder: folder });
  return found.filter(({ Labels }) => Labels["airlock.instance"] === instance).map(({ Id }) => Id);
}

describe("airlock sandbox, beside a running App", { timeout: 120_000 }, () => {
  it("verifies a fresh one from inside, from outside, and the processes that serve it", async () => {
    const { code, stdout } = await start("verify", "--json").ended;
    const told = JSON.parse(stdout);
    expect(told.checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
    expect(told).toMatchObject({ mode: "sealed", failed: 0, isolation: { kind: "runc", kernel: release() } });
    expect(told.isolation.version).toMatch(/^\d+\.\d+\.\d+/);
    const names = told.checks.map(({ name }: { name: string }) => name);
    for (const name of [
      "calls.32-bit",
      "special-files",
      "host.network",
      "host.mounts",
      "host.gateway.reach",
      "host.git-runs.network",
    ])
      expect(names).toContain(name);
    expect(code).toBe(0);
    expect(await remains()).toEqual([]);
  });

  it("dials what it is told to, and fails where that can be reached", async () => {
    const { code, stdout } = await start("verify", "--json", "--dial", "127.0.0.1").ended;
    const told = JSON.parse(stdout);
    expect(told.checks.filter(({ ok }: { ok: boolean }) => !ok).map(({ name }: { name: string }) => name)).toEqual([
      "network.public-address",
      "network.public-datagram",
    ]);
    expect([code, told.failed]).toEqual([1, 2]);
    expect(await remains()).toEqual([]);
  });

  it("runs a command as the agent would run, and shows what the gateway saw", async () => {
    const script =
      "id -u; cat README.md >&2; curl -s http://127.0.0.1:8090/elsewhere >/dev/null; env | grep -c ANTHROPIC; exit 7";
    const { code, stdout } = await start("exec", "--repo", "acme/shop", "--json", "--", "bash", "-c", script).ended;
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ exitCode: 7, stdout: expect.stringMatching(/^7\d{5}\n2\n/) });
    expect(told.stderr).not.toBe("");
    expect(told.record).toContainEqual(expect.objectContaining({ verdict: "refused", target: "/elsewhere" }));
    expect(code).toBe(7);
    expect(await remains()).toEqual([]);
    expect(house.github.state().tokens.live).toBe(0);
  });

  it("lends it what reads GitHub: gh shows runs, their logs and all checks, with no token inside", async () => {
    const people = createPeople(house.github);
    const sha = await people.commit({ branch: "fix", path: "fix.txt", content: "fixed\n" });
    const { json: pull } = await people.ask("maintainer", "POST", "/pulls", { title: "Fix it", head: "fix", base: "main" });
    const steps = [{ name: "Test", conclusion: "failure", log: "2026-01-01T00:00:00Z expected 2, got 3\n" }];
    // More than GitHub gives on a page.
    const jobs = Array.from({ length: 120 }, (_, i) => ({
      name: `job-${i}`,
      conclusion: i === 7 ? "failure" : "success",
      steps,
    }));
    const wish = { of: sha, branch: "fix", name: "CI", path: ".github/workflows/ci.yml", event: "push", jobs };
    const { id } = await house.github.addWorkflowRun("acme/shop", wish);
    const script = [
      'say() { echo "== $1"; shift; "$@" 2>&1; }',
      "say list gh run list",
      `say view gh run view ${id}`,
      `say log gh run view ${id} --log`,
      `say checks gh pr checks ${pull.number}`,
      "say secrets sh -c 'env | grep -c ghs_'",
    ].join("\n");
    const { stdout } = await start("exec", "--repo", "acme/shop", "--json", "--", "bash", "-c", script).ended;
    const told = JSON.parse(stdout);
    const parts = new Map<string, string>();
    for (const part of told.stdout.split("== ").slice(1)) parts.set(part.split("\n")[0], part.slice(part.indexOf("\n") + 1));
    expect(parts.get("list"), told.stdout).toContain("CI");
    expect(parts.get("view")).toContain("job-7");
    expect(parts.get("log")).toContain("expected 2, got 3");
    expect(parts.get("checks")?.match(/^job-\d+\t/gm)).toHaveLength(120);
    expect(parts.get("secrets")).toBe("0\n");
    const api = told.record.filter(({ door }: { door: string }) => door === "api");
    expect(api.filter(({ verdict }: { verdict: string }) => verdict === "refused")).toEqual([]);
    expect(house.github.state().tokens.live).toBe(0);
    expect(house.github.state().invalidResponses).toEqual([]);
  });

  it("needs a repository's name, and one where the App is installed", async () => {
    const nameless = await start("exec", "--", "true").ended;
    expect([nameless.code, nameless.stderr]).toEqual([2, expect.stringContaining("--repo")]);
    const unknown = await start("exec", "--repo", "acme/nothing", "--", "true").ended;
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("not installed")]);
  });

  it("leaves nothing behind when it is interrupted", async () => {
    const { child, ended } = start("exec", "--repo", "acme/shop", "--", "bash", "-c", "echo begun; sleep 600");
    await until("the command's first line", async () => (await once(child.stdout, "data")).join("").includes("begun"));
    expect(await remains()).toHaveLength(1);
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    await until("the sandbox to be gone", async () => (await remains()).length === 0);
  });

  it("opens a shell on the agent's working tree", async () => {
    const { child, ended } = start("shell", "--repo", "acme/shop");
    child.stdin.end("pwd; stty size; test -t 0 && echo a-$((1+1))-terminal; exit 5\n");
    const { code, stdout, stderr } = await ended;
    expect(stdout, stderr).toContain("/work/repo");
    expect(stdout).toContain("24 80");
    expect(stdout).toContain("a-2-terminal");
    expect(code).toBe(5);
    expect(await remains()).toEqual([]);
  });
});
