import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { observeMachine } from "../../src/setup/observe-machine.ts";
import { performProvision } from "../../src/setup/perform-provision.ts";

/** Answers as an engine does when it is asked what it is. */
const engine = (socket: string, pidFile: string) => `#!${process.execPath}
require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
console.error("engine says hello");
const version = { Version: "20.10.24", ApiVersion: "1.41", Arch: "amd64", Os: "linux" };
const info = { OperatingSystem: "Debian", SecurityOptions: ["name=seccomp,profile=default"] };
require("node:http").createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(request.url.endsWith("/version") ? version : info));
}).listen(${JSON.stringify(socket)});
`;

describe("provisioning", () => {
  let folder: string;
  let frame: Parameters<typeof performProvision>[1];
  const lines: string[] = [];
  const pidFile = () => join(folder, "pid");

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "provision-"));
    lines.length = 0;
    frame = {
      env: { PATH: folder, DOCKER_HOST: `unix://${join(folder, "engine.sock")}` },
      signal: AbortSignal.timeout(20_000),
      onLine: (line) => lines.push(line),
      engineLog: join(folder, "engine.log"),
    };
  });

  afterEach(() => {
    if (statSync(pidFile(), { throwIfNoEntry: false })) process.kill(Number(readFileSync(pidFile(), "utf8")));
    rmSync(folder, { recursive: true });
  });

  function program(name: string, text: string) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }

  const observe = async () => (await observeMachine({ env: frame.env })).engine;

  it("starts an engine in the background, waits for its answer, and starts no second one", async () => {
    program("dockerd", engine(join(folder, "engine.sock"), pidFile()));
    expect(await observe()).toBe("down");
    await performProvision({ do: "start-engine", by: "dockerd" }, frame);
    expect(await observe()).toBe("up");
    expect(readFileSync(frame.engineLog, "utf8")).toContain("engine says hello");
    program("dockerd", "#!/bin/sh\necho another >&2\n");
    await performProvision({ do: "start-engine", by: "dockerd" }, frame);
    expect(readFileSync(frame.engineLog, "utf8")).not.toContain("another");
  });

  it("tells at once what an engine said that died", async () => {
    program("dockerd", "#!/bin/sh\necho 'cannot mount overlay' >&2\nexit 1\n");
    const started = performProvision({ do: "start-engine", by: "dockerd" }, frame);
    await expect(started).rejects.toMatchObject({
      code: "engine.start",
      remedy: expect.stringContaining("cannot mount overlay"),
    });
  });

  it("installs without questions, and shows what apt-get says", async () => {
    program("apt-get", '#!/bin/sh\necho "$DEBIAN_FRONTEND $*"\n');
    await performProvision({ do: "install", packages: ["git", "docker.io"] }, frame);
    expect(lines).toEqual(["noninteractive update -q", "noninteractive install -qy --no-install-recommends git docker.io"]);
  });

  it("stops where apt-get fails, with its last line", async () => {
    program("apt-get", "#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n");
    const installed = performProvision({ do: "install", packages: ["nothing"] }, frame);
    await expect(installed).rejects.toMatchObject({
      code: "engine.install",
      message: expect.stringContaining("E: Unable to locate package"),
    });
  });
});
