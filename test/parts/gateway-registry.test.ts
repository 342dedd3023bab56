import { spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nothingKnown } from "../../src/gateway/registry/known.ts";
import { readManifests } from "../../src/gateway/registry/manifests.ts";
import { clientFolder, runBehindDoor } from "../helpers/behind-door.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { openRegistryStandIn, type RegistryStandIn } from "../helpers/registries.ts";

/** Real package managers, in a namespace without a network, as they are set up in the sandbox. */
describe("the package registries through a run's door", () => {
  let folder: string;
  let registry: RegistryStandIn;
  let house: House;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "alr-"));
    registry = await openRegistryStandIn(folder);
    house = await openHouse({ registries: { upstreams: registry.upstreams, newPackages: 2 } });
  }, 60_000);
  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function openProject(name: string, files: Record<string, string>) {
    const run = mintTestRun();
    const cwd = join(folder, name);
    await mkdir(join(cwd, "src"), { recursive: true });
    for (const [path, text] of Object.entries(files)) await writeFile(join(cwd, path), text);
    const socket = await house.openDoor(run);
    const manifests = Object.entries(files).map(([path, text]) => ({ path, text }));
    await house.gateway.tellPackages(run, readManifests(manifests));
    return { run, cwd, socket };
  }
  const npmEnv = { NPM_CONFIG_GLOBALCONFIG: join(clientFolder, "npmrc.global"), npm_config_cache: "" };

  it("lets `npm ci` install what the lock names, and `npm install` as many new names as allowed", async () => {
    const left = await registry.addNpm("left", "1.0.0");
    const scoped = await registry.addNpm("@acme/right", "2.0.0");
    for (const name of ["fresh-a", "fresh-b", "fresh-c"]) await registry.addNpm(name, "1.0.0");
    const locked = (resolved: string, version: string, integrity: string) => ({ version, resolved, integrity });
    const { run, cwd, socket } = await openProject("npm", {
      "package.json": JSON.stringify({ name: "p", version: "1.0.0", dependencies: { left: "1.0.0", "@acme/right": "2.0.0" } }),
      "package-lock.json": JSON.stringify({
        name: "p",
        version: "1.0.0",
        lockfileVersion: 3,
        packages: {
          "": { name: "p", version: "1.0.0", dependencies: { left: "1.0.0", "@acme/right": "2.0.0" } },
          "node_modules/left": locked("https://registry.npmjs.org/left/-/left-1.0.0.tgz", "1.0.0", left.integrity),
          "node_modules/@acme/right": locked(
            "https://registry.npmjs.org/@acme/right/-/right-2.0.0.tgz",
            "2.0.0",
            scoped.integrity,
          ),
        },
      }),
    });
    const env = { ...npmEnv, npm_config_cache: join(cwd, ".cache") };
    const installed = await runBehindDoor({ socket, cwd, env, script: "npm ci" });
    expect(installed.all).toContain("added 2 packages");
    expect(await readFile(join(cwd, "node_modules/@acme/right/index.js"), "utf8")).toContain("@acme/right");
    const added = await runBehindDoor({ socket, cwd, env, script: "npm install fresh-a fresh-b" });
    expect(added.exitCode, added.all).toBe(0);
    const third = await runBehindDoor({ socket, cwd, env, script: "npm install fresh-c" });
    expect(third.exitCode).not.toBe(0);
    expect(third.all).toContain("403");
    const rows = await house.closeAndRead(run);
    const rules = new Set(rows.map((row) => row.rule));
    expect(rules).toEqual(new Set(["registry.known", "registry.new-name", "registry.new-name-limit"]));
    expect(registry.asked.some((line) => line.includes("fresh-c"))).toBe(false);
  }, 120_000);

  it("lets `pip install -r` install what the requirements name", async () => {
    await registry.addWheel("snake", "1.0.0");
    const { run, cwd, socket } = await openProject("pip", { "requirements.txt": "snake==1.0.0\n" });
    const env = { PIP_CONFIG_FILE: join(clientFolder, "pip.conf") };
    const script = "python3 -m pip install --no-cache-dir --target out -r requirements.txt";
    const installed = await runBehindDoor({ socket, cwd, env, script });
    expect(installed.all).toContain("Successfully installed snake-1.0.0");
    expect((await house.closeAndRead(run)).every((row) => row.rule === "registry.known" && row.status === 200)).toBe(true);
  }, 120_000);

  const hasCargo = spawnSync("cargo", ["--version"]).status === 0;
  it.skipIf(!hasCargo)(
    "lets `cargo run --locked` build what the lock names",
    async () => {
      const { cksum } = await registry.addCrate("ferris", "0.1.0");
      const source = "registry+https://github.com/rust-lang/crates.io-index";
      const { run, cwd, socket } = await openProject("cargo", {
        "Cargo.toml": '[package]\nname = "p"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nferris = "0.1.0"\n',
        "Cargo.lock": `version = 3\n[[package]]\nname = "ferris"\nversion = "0.1.0"\nsource = "${source}"\nchecksum = "${cksum}"\n\n[[package]]\nname = "p"\nversion = "0.1.0"\ndependencies = ["ferris"]\n`,
        "src/main.rs": 'fn main() { println!("{}", ferris::value()) }\n',
      });
      await mkdir(join(folder, ".cargo"), { recursive: true });
      await copyFile(join(clientFolder, "cargo.toml"), join(folder, ".cargo/config.toml"));
      const env = { CARGO_HOME: join(folder, "cargo-home"), RUSTUP_HOME: join(process.env.HOME ?? "", ".rustup") };
      const ran = await runBehindDoor({ socket, cwd, env, script: "cargo run --locked" });
      expect(ran.all).toContain("Running `target");
      expect(ran.stdout).toContain("ferris");
      expect((await house.closeAndRead(run)).every((row) => row.rule === "registry.known" && row.status === 200)).toBe(true);
    },
    120_000,
  );

  it("gives Go modules that go.sum names, checked against it, and of others only what the proxy has", async () => {
    const sums = await registry.addGoModule("example.test/known", "v1.0.0");
    await registry.addGoModule("example.test/other", "v1.0.0");
    const run = mintTestRun();
    const socket = await house.openDoor(run);
    const names = { ...nothingKnown.names, go: ["example.test/known"] };
    const goSums = { "example.test/known@v1.0.0": sums.zip, "example.test/known@v1.0.0/go.mod": sums.mod };
    await house.gateway.tellPackages(run, { names, goSums });
    const get = (path: string) => `curl -sS -o /dev/null -w '%{http_code} ' http://127.0.0.1:8090/registry/go/${path};`;
    const script = ["info", "mod", "zip"].map((part) => get(`example.test/known/@v/v1.0.0.${part}`)).join("");
    const got = await runBehindDoor({ socket, cwd: folder, script: `${script}${get("example.test/other/@v/v1.0.0.info")}` });
    expect(got.stdout).toBe("200 200 200 404 ");
    expect((await house.closeAndRead(run)).at(-1)).toMatchObject({ rule: "registry.go-not-cached", verdict: "refused" });
    expect(registry.asked.at(-1)).toBe("GET /go/cached-only/example.test/other/@v/v1.0.0.info");
  }, 60_000);
});
