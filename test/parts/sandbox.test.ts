import { readFile, stat } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { parseEntrypointEvent, printLaunch } from "../../src/sandbox/launch.ts";
import { attachInput, followOutput, type SandboxOutput } from "../../src/sandbox/output.ts";
import { observeRemains } from "../../src/sandbox/remains.ts";
import {
  createSandbox,
  findSandbox,
  inspect,
  observeSandbox,
  removeSandbox,
  startSandbox,
  stopSandbox,
} from "../../src/sandbox/sandboxes.ts";
import { sandboxName } from "../../src/sandbox/spec.ts";
import { openSandbox, openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";
import { sealedUid } from "../helpers/uids.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
}, 400_000);

const bash = (script: string) => ({ mode: "command", argv: ["bash", "-c", script], branch: "main", resume: false }) as const;
const finished = (line: string) => parseEntrypointEvent(line)?.airlock === "finished";

describe("a sandbox", { timeout: 60_000 }, () => {
  it("clones, runs a command, commits what was left and pushes it to the one ref", async () => {
    await using box = await openSandbox(engine, { files: { "a.txt": "one\n" } });
    expect(box.door.requests).toEqual(["GET /healthz"]);
    box.launch(bash("id -u; pwd; cat a.txt; echo two > b.txt; exit 3"));
    const end = parseEntrypointEvent((await box.until(finished))?.line ?? "");
    const text = box.lines.map(({ line }) => line);
    expect(text).toEqual(expect.arrayContaining([`${sealedUid}`, "/work/repo", "one"]));
    expect(text.map(parseEntrypointEvent)).toContainEqual({ airlock: "cloned", head: box.door.base, fresh: true });
    const work = await box.door.git("rev-parse", "work");
    expect(end).toEqual({ airlock: "finished", claudeExit: 3, pushed: true, head: work });
    expect(await box.door.git("show", "work:b.txt")).toBe("two");
    expect(await box.door.git("log", "-1", "--format=%an %ae", "work")).toBe("agent agent@sandbox.invalid");
    await box.until(() => false);
    expect(await observeSandbox(engine.engine, box.handle)).toMatchObject({ state: "exited", exitCode: 3 });
  });

  it("tells programs of tunnels where there are some, and of none where there are none", async () => {
    const told = async (tunnels?: string[]) => {
      await using box = await openSandbox(engine, tunnels ? { tunnels } : {});
      box.launch(bash("env | grep -i proxy | sort; curl -s http://127.0.0.1:8090/healthz"));
      await box.until(finished);
      return box.lines.map(({ line }) => line).filter((line) => /proxy|"run":/i.test(line) && !line.startsWith("GOPROXY"));
    };
    const proxy = "http://127.0.0.1:8090";
    expect(await told(["docs.example.org"])).toEqual([
      ...[
        `HTTPS_PROXY=${proxy}`,
        `https_proxy=${proxy}`,
        "NO_PROXY=127.0.0.1,localhost",
        "no_proxy=127.0.0.1,localhost",
      ].toSorted(),
      expect.stringContaining('"tunnels"'),
    ]);
    expect(await told()).toEqual([expect.stringContaining('"run"')]);
  });

  it("[23] pushes what was left though the repository's own hooks and settings forbid it", async () => {
    await using box = await openSandbox(engine);
    box.launch(
      bash(`
        for hook in pre-commit commit-msg pre-push post-commit; do printf '#!/bin/sh\\ntouch /tmp/hooked; exit 1' > .git/hooks-$hook; done
        mkdir -p .git/hooks && for hook in pre-commit commit-msg pre-push; do mv .git/hooks-$hook .git/hooks/$hook; chmod +x .git/hooks/$hook; done
        git config core.hooksPath .git/hooks && git config commit.gpgSign true && git config http.proxy http://127.0.0.1:9
        git config --global core.fsmonitor /bin/false
        echo left > left.txt; git commit -am control && echo control-committed; ls .git/hooks`),
    );
    await box.until(finished);
    expect(box.lines.map(({ line }) => line)).not.toContain("control-committed");
    expect(await box.door.git("show", "work:left.txt")).toBe("left");
  });

  it("[39] saves the work of a command that ignores SIGTERM", async () => {
    await using box = await openSandbox(engine);
    box.launch({ ...bash(`trap '' TERM; echo saved > saved.txt; echo ready; while :; do sleep 1 & wait; done`), stopSeconds: 1 });
    await box.until((line) => line === "ready");
    await stopSandbox(engine.engine, box.handle, { graceMs: 20_000 });
    await box.until(finished);
    expect(await box.door.git("show", "work:saved.txt")).toBe("saved");
    expect(await observeSandbox(engine.engine, box.handle)).toMatchObject({ state: "exited", exitCode: 137 });
  });

  it("stops at once while it waits for its launch", async () => {
    await using box = await openSandbox(engine);
    const startMs = performance.now();
    await stopSandbox(engine.engine, box.handle, { graceMs: 10_000 });
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(box.door.requests).toEqual(["GET /healthz"]);
  });

  it("gives the same lines when its log is read again, long ones whole", async () => {
    await using box = await openSandbox(engine);
    box.launch(
      bash(`for i in $(seq 300); do echo "line $i"; done; head -c 100000 /dev/zero | tr '\\0' x; echo; printf 'no end'`),
    );
    await box.until(() => false);
    const again: SandboxOutput[] = [];
    for await (const line of followOutput(engine.engine, box.handle, { signal: new AbortController().signal })) again.push(line);
    expect(again).toEqual(box.lines);
    expect(again.map(({ line }) => line)).toEqual(expect.arrayContaining(["line 1", "line 300", "x".repeat(100_000), "no end"]));
    const middle = again[150];
    const since: SandboxOutput[] = [];
    const sinceMs = Number(BigInt(middle?.atNs ?? 0) / 1_000_000n);
    for await (const line of followOutput(engine.engine, box.handle, { sinceMs, signal: new AbortController().signal }))
      since.push(line);
    expect(since.map(({ atNs }) => atNs)).toContain(middle?.atNs);
    expect(since.length).toBeLessThan(again.length);
  });

  it("counts no less output than the engine's file holds", async () => {
    await using box = await openSandbox(engine);
    box.launch(
      bash(`head -c 200000 /dev/urandom; echo; yes '<&>' | head -20000; head -c 50000 /dev/zero | tr '\\0' '\\033'; echo`),
    );
    await box.until(() => false);
    const seen = await inspect(engine.engine, box.handle.containerId);
    const fileBytes = (await stat(seen?.LogPath ?? "")).size;
    const counted = box.lines.at(-1)?.loggedBytes ?? 0;
    expect(fileBytes).toBeGreaterThan(300_000);
    expect(counted).toBeGreaterThanOrEqual(fileBytes);
    expect((await readFile(seen?.LogPath ?? "", "utf8")).split("\n")[0]).toContain("probe");
  });

  it("is one, however often it is made and started, and is nothing when it is removed", async () => {
    await using box = await openSandbox(engine);
    expect(await createSandbox(engine.engine, box.spec)).toEqual(box.handle);
    await startSandbox(engine.engine, box.handle);
    expect(await observeRemains(engine.engine, box.spec)).toContain(box.spec.run);
    expect(await findSandbox(engine.engine, { instance: "another", run: box.spec.run })).toBeUndefined();
    await removeSandbox(engine.engine, box.spec);
    await removeSandbox(engine.engine, box.spec);
    expect(await observeSandbox(engine.engine, box.spec)).toEqual({ state: "absent" });
    const { Volumes } = await engine.engine.docker.listVolumes({ filters: { name: [sandboxName(box.spec)] } });
    expect(Volumes ?? []).toEqual([]);
  });

  it("is resumed on the volume of the one before", async () => {
    await using box = await openSandbox(engine);
    box.launch(bash("echo kept > /work/home/kept; echo more > more.txt"));
    await box.until(() => false);
    await removeSandbox(engine.engine, box.spec, { keepVolume: true });
    expect(await runAgain(box.spec)).toEqual({ claudeExit: 0, fresh: false, lines: ["kept", "more"] });
  });

  it("[71] is refused where somebody else has its name", async () => {
    await using box = await openSandbox(engine);
    // Names tell instances apart by their first digits.
    const theirs = { ...box.spec, instance: "others-one" };
    await using held = new AsyncDisposableStack();
    held.defer(() => removeSandbox(engine.engine, theirs));
    await createSandbox(engine.engine, theirs);
    await expect(createSandbox(engine.engine, { ...box.spec, instance: "others-two" })).rejects.toMatchObject({
      code: "engine.name-taken",
    });
  });
});

/** Makes and starts a second sandbox of the same run, and reads what the first one left. */
async function runAgain(spec: Parameters<typeof createSandbox>[1]) {
  const handle = await createSandbox(engine.engine, spec);
  await startSandbox(engine.engine, handle);
  await using input = await attachInput(engine.engine, handle);
  input.write(printLaunch({ mode: "command", argv: ["cat", "/work/home/kept", "more.txt"], branch: "main", resume: true }));
  const lines: string[] = [];
  let fresh: boolean | undefined;
  let claudeExit: number | undefined;
  for await (const { line, stream } of followOutput(engine.engine, handle, { signal: new AbortController().signal })) {
    const event = parseEntrypointEvent(line);
    if (event?.airlock === "cloned") fresh = event.fresh;
    if (event?.airlock === "finished") claudeExit = event.claudeExit;
    if (!event && stream === "stdout" && line !== "") lines.push(line);
  }
  return { claudeExit, fresh, lines };
}
