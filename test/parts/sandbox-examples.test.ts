import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalHouse } from "../../src/cli/local-house.ts";
import { examineOwnImage } from "../../src/sandbox/own-image.ts";
import { childEnvironment } from "../../src/settings.ts";
import { ensureMachine, type Machine } from "../../src/setup/machine.ts";
import { type CommandFrame, openCommandFrame } from "../helpers/command.ts";
import { openRegistryStandIn, type RegistryStandIn } from "../helpers/registries.ts";
import { expectNothingLeft } from "../helpers/remains.ts";

const languages = ["python", "go", "rust"] as const;
type Language = (typeof languages)[number];

let folder: string;
let machine: Machine;
let registry: RegistryStandIn;
let commands: CommandFrame;
const tagOf = (language: Language) => `airlock-test-example:${language}-${process.pid}`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "alx-"));
  await chmod(folder, 0o711);
  machine = await ensureMachine({ provision: false, env: childEnvironment(), signal: AbortSignal.timeout(300_000) });
  registry = await openRegistryStandIn(folder);
  commands = await openCommandFrame();
  const { PATH = "" } = process.env;
  // Side by side: most of each is a download.
  await Promise.all(
    languages.map((language) =>
      execa(
        "docker",
        ["build", "--quiet", "--build-arg", `BASE=${machine.image.id}`, "--tag", tagOf(language), `sandbox/examples/${language}`],
        { env: { PATH, DOCKER_BUILDKIT: "0" }, extendEnv: false, cwd: join(import.meta.dirname, "../..") },
      ),
    ),
  );
}, 600_000);
afterAll(async () => {
  await commands?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  for (const language of languages) await machine?.engine.docker.getImage(tagOf(language)).remove();
  if (folder) await rm(folder, { recursive: true, force: true });
});

interface Project {
  /** The repository's files at the base. */
  files: Record<string, string>;
  script: string;
  said: string;
}

/** What a first day in a repository of each language looks like. */
const projects: Record<Language, () => Promise<Project>> = {
  async python() {
    const { sha256 } = await registry.addWheel("snake", "1.0.0");
    const left = await registry.addNpm("left", "1.0.0");
    const root = { name: "p", version: "1.0.0", dependencies: { left: "1.0.0" } };
    const resolved = "https://registry.npmjs.org/left/-/left-1.0.0.tgz";
    const packages = { "": root, "node_modules/left": { version: "1.0.0", resolved, ...left } };
    return {
      files: {
        "requirements.txt": `snake==1.0.0 --hash=sha256:${sha256}\n`,
        "hello.c": "int main(void) { return 7; }\n",
        "package.json": JSON.stringify(root),
        "package-lock.json": JSON.stringify({ name: "p", version: "1.0.0", lockfileVersion: 3, packages }),
      },
      script: `pip install -q -r requirements.txt && python3 -c 'import snake; print("py", snake.value)' \\
 && npm ci --silent && node -p 'require("left")' && gcc -o hello hello.c && { ./hello; echo "c $?"; }`,
      said: "py snake\nleft\nc 7\n",
    };
  },
  async go() {
    const sums = await registry.addGoModule("example.test/known", "v1.0.0");
    return {
      files: {
        "go.mod": "module example.test/p\n\ngo 1.19\n\nrequire example.test/known v1.0.0\n",
        "go.sum": `example.test/known v1.0.0 ${sums.zip}\nexample.test/known v1.0.0/go.mod ${sums.mod}\n`,
        "main.go": 'package main\n\nimport (\n\t"fmt"\n\t_ "example.test/known"\n)\n\nfunc main() { fmt.Println("go built") }\n',
      },
      script: "go build -o /tmp/p . && /tmp/p",
      said: "go built\n",
    };
  },
  async rust() {
    const { cksum } = await registry.addCrate("ferris", "0.1.0");
    const source = "registry+https://github.com/rust-lang/crates.io-index";
    return {
      files: {
        "Cargo.toml": '[package]\nname = "p"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nferris = "0.1.0"\n',
        "Cargo.lock": `version = 3\n[[package]]\nname = "ferris"\nversion = "0.1.0"\nsource = "${source}"\nchecksum = "${cksum}"\n\n[[package]]\nname = "p"\nversion = "0.1.0"\ndependencies = ["ferris"]\n`,
        "src/main.rs": 'fn main() { println!("{}", ferris::value()) }\n',
      },
      script: "cargo build --locked --quiet && ./target/debug/p",
      said: "ferris\n",
    };
  },
};

describe.each(languages)("the example for %s, built from Debian's packages", { timeout: 120_000 }, (language) => {
  it("passes as an operator's own image, builds a repository through the gateway, and lets nothing else out", async () => {
    const own = await examineOwnImage(machine.engine, { reference: tagOf(language), ours: machine.image.id });
    expect(own.checks.filter(({ ok }) => !ok)).toEqual([]);
    const project = await projects[language]();
    const data = join(folder, language);
    const { npm, pypi, crates, go } = registry.upstreams;
    await using house = await startLocalHouse({
      machine: { ...machine, image: { ...machine.image, ...own, tag: tagOf(language) } },
      dataFolder: data,
      env: {
        ...{ LOG_LEVEL: "error", AIRLOCK_NEW_PACKAGES: "0" },
        ...{ AIRLOCK_REGISTRY_NPM: npm, AIRLOCK_REGISTRY_PYPI: pypi, AIRLOCK_REGISTRY_CRATES: crates, AIRLOCK_REGISTRY_GO: go },
      },
      mayPay: false,
    });
    await house.github.addRepository({ owner: "acme", name: language, files: project.files });
    const place = { AIRLOCK_DATA: data };
    // Which refuses whatever does not pass the whole verification.
    const exec = ["sandbox", "exec", "--repo", `acme/${language}`, "--json", "--", "bash", "-c", project.script];
    const told = JSON.parse((await commands.run(exec, place)).out);
    expect(told, told.stderr).toMatchObject({ exitCode: 0, stdout: project.said });
    const asked = told.record.filter(({ rule }: { rule: string }) => rule.startsWith("registry."));
    expect(asked.length).toBeGreaterThan(0);
    expect(new Set(asked.map(({ rule }: { rule: string }) => rule))).toEqual(new Set(["registry.known"]));
    await house[Symbol.asyncDispose]();
    await expectNothingLeft(data);
  });
});
