import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../../../src/cli/program.ts";
import type { Holding } from "../../../src/disk/holdings.ts";
import type { BudgetLine } from "../../../src/pages/budgets.ts";
import { createLocal } from "../../../src/pages/local.ts";
import type { DiskUse, Full } from "../../../src/run/full.ts";
import type { RunId } from "../../../src/run/identity.ts";
import { digestOf, firstDigest } from "../../../src/secret/chain.ts";
import { appSocket } from "../../../src/settings/place.ts";
import { readPlaceSettings } from "../../../src/settings.ts";
import { FakeReader, makeRun, runId } from "../pages/fake-reader.ts";
import { fakeTerminal } from "./fake-terminal.ts";

describe("runs", () => {
  let folder: string;
  let server: Server;
  let reader: FakeReader;
  let closing: AbortController;
  let budgets: BudgetLine[];
  /** Answers instead of the App where it is set. */
  let answer: string | undefined;
  let full: Full | undefined;
  const disks: DiskUse[] = [{ of: ["data", "engine"], path: "/var/lib/airlock", usedBytes: 91e9, availableBytes: 9e9 }];
  const holdings: Holding[] = [
    { kind: "store", bytes: 40_000_000 },
    { kind: "bases", bytes: 2_500_000_000, count: 3 },
  ];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "runs-"));
    const socket = appSocket(readPlaceSettings({ dataFolder: folder }));
    mkdirSync(dirname(socket), { recursive: true });
    budgets = [];
    [reader, closing, answer] = [new FakeReader(), new AbortController(), undefined];
    full = undefined;
    reader.put(makeRun({ createdAtMs: Date.now() - 65_000 }));
    const app = createLocal({
      reader,
      filer: reader,
      budgets: { list: async () => budgets },
      publicUrl: "http://localhost:3000",
      closing: closing.signal,
      disk: { full: () => full, read: async () => ({ disks, boundPercent: 85, ...(full && { full }), holdings }) },
      health: async () => ({ ok: true }),
    });
    const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
    server = createServer((request, response) => {
      if (answer === undefined) void listener(request, response);
      else response.end(answer);
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(socket, resolve);
    await promise;
  });

  afterEach(async () => {
    closing.abort();
    const { promise, resolve } = Promise.withResolvers<unknown>();
    server.close(resolve);
    server.closeAllConnections();
    await promise;
    rmSync(dirname(appSocket(readPlaceSettings({ dataFolder: folder }))), { recursive: true, force: true });
    rmSync(folder, { recursive: true });
  });

  const command = (...argv: string[]) => airlock("runs", ...argv);

  async function airlock(...argv: string[]) {
    const terminal = fakeTerminal();
    const code = await runCommandLine([...argv, "--data", folder], terminal);
    return { code, out: terminal.outLines, err: terminal.errLines.join("\n") };
  }

  it("list is a table for people", async () => {
    reader.put(makeRun({ id: "bcdefghijklmnopq" as RunId, state: { at: "ended", words: "", outcome: "succeeded" } }));
    const { code, out } = await command("list");
    expect(code).toBe(0);
    expect(out[0]).toMatch(/^RUN +REPOSITORY +SUBJECT +STATE +BY +AGE$/);
    expect(out[1]).toMatch(/^bcdefghijklmnopq +acme\/shop +issue #7 +succeeded +maria /);
    expect(out[2]).toMatch(/^abcdefghijklmnop +acme\/shop +issue #7 +working +maria +1m$/);
  });

  it("show tells of one that has no sandbox yet", async () => {
    const { mode: _, ...queued } = makeRun({
      id: "bcdefghijklmnopq" as RunId,
      state: { at: "queued", words: "Next in the queue." },
    });
    reader.put(queued);
    const { code, out, err } = await command("show", "bcdefghijklmnopq");
    expect([code, err]).toEqual([0, ""]);
    expect(out.join("\n")).toMatch(/state +Next in the queue\./);
    expect(out.join("\n")).not.toMatch(/^sandbox/m);
  });

  it("list says that the disk is full, and why nothing begins", async () => {
    expect((await command("list")).err).toBe("");
    full = { path: "/var/lib/airlock", usedPercent: 91, boundPercent: 85 };
    expect((await command("list")).err).toMatch(/91 % full, and runs begin below 85 %: see .\/airlock disk/);
  });

  it("have a disk, of which the command tells how full it is and what Airlock has there", async () => {
    const free = await airlock("disk");
    expect([free.code, free.err]).toEqual([0, "no run begins from 85 % on"]);
    expect(free.out).toEqual([
      "DISK OF           USED  FREE",
      "/var/lib/airlock  91 %  9.0 GB",
      "",
      "AIRLOCK HAS  SIZE",
      "store        40 MB",
      "bases        2.5 GB  3 pieces",
    ]);
    full = { path: "/var/lib/airlock", usedPercent: 91, boundPercent: 85 };
    const told = await airlock("disk", "--json");
    expect(told.code).toBe(1);
    expect(JSON.parse(told.out.join("\n"))).toEqual({ disks, boundPercent: 85, full, holdings });
    expect((await airlock("disk")).err).toMatch(/91 % full.*\/var\/lib\/airlock/);
  });

  it("budget shows what each may spend and has spent, and until when", async () => {
    const budget = async (...argv: string[]) => {
      const terminal = fakeTerminal();
      return [await runCommandLine(["budget", ...argv, "--data", folder], terminal), terminal.outLines, terminal.errLines.join()];
    };
    expect(await budget()).toEqual([0, [], expect.stringContaining("no budget")]);
    const line = { per: "day" as const, period: "2026-11-26", reservedMicroUsd: 0, endsAtMs: Date.UTC(2026, 10, 27) };
    const lines: BudgetLine[] = [
      { ...line, scope: "deployment", spentMicroUsd: 1_234_500, capMicroUsd: 20_000_000 },
      { ...line, scope: "repository", name: "acme/\u001b[2Jshop", spentMicroUsd: 1_234_500, reservedMicroUsd: 500_000 },
    ];
    budgets.push(...lines);
    expect(await budget()).toEqual([
      0,
      [
        "BUDGET                PER  SPENT    RESERVED  CAP     ENDS",
        "this Airlock          day  $1.2345  $0.00     $20.00  2026-11-27 00:00 UTC",
        "repository acme/shop  day  $1.2345  $0.50     none    2026-11-27 00:00 UTC",
      ],
      "",
    ]);
    const [code, out] = await budget("--json");
    expect([code, JSON.parse(`${out}`)]).toEqual([0, { budgets: lines }]);
  });

  it("list --json is one object, the runs below one key", async () => {
    const { out } = await command("list", "--json");
    expect(JSON.parse(out.join("\n"))).toMatchObject({ runs: [{ id: runId, repository: "acme/shop", state: "working" }] });
  });

  it("show tells one run, named by its first letters", async () => {
    const text = (await command("show", "abc")).out.join("\n");
    for (const line of [
      /^state +Claude Code is working/m,
      /^requests +3 allowed, 1 refused$/m,
      /^tokens +2 minted, 1 live$/m,
      /^branch +agent\/issue-7$/m,
    ])
      expect(text).toMatch(line);
    expect(JSON.parse((await command("show", runId, "--json")).out.join("\n"))).toMatchObject({
      id: runId,
      evidence: { refused: 1 },
    });
  });

  it("show tells what keeps the sandbox and what is known against it, and neither where none was made", async () => {
    const text = async () => (await command("show", runId)).out.join("\n");
    expect(await text()).toMatch(/^kept by +runc 1\.1\.5\+ds1 on Linux 6\.1\.0$/m);
    expect(await text()).toMatch(/^known holes +runc 1\.1\.5 has a known hole$/m);
    reader.put(makeRun({ isolation: { kind: "gvisor", version: "", kernel: "6.1\u001b[2J", escapes: [] } }));
    expect(await text()).toMatch(/^kept by +gVisor of unknown version \(a kernel of its own\) on Linux 6\.1 ?$/m);
    expect(await text()).not.toContain("known holes");
    const { isolation: _, ...unmade } = makeRun();
    reader.put(unmade);
    expect(await text()).not.toContain("kept by");
  });

  it("logs prints a line for each event, and nothing that moves the terminal", async () => {
    reader.write(runId, { atMs: 0, kind: "tool", tool: "Bash", text: "ls\u001b[2J\nrm" });
    reader.write(runId, { atMs: 1_000, kind: "say", text: "\u001b]8;;http://evil\u0007Done\u009b31m" });
    expect((await command("logs", runId)).out).toEqual(["00:00:00  tool Bash  ls rm", "00:00:01  say  Done"]);
  });

  it("logs takes what an agent says whole, whatever it takes for the end of a line", async () => {
    reader.write(runId, { atMs: 0, kind: "say", text: "one\u2028two\u2029three" });
    const { code, out } = await command("logs", runId, "--json");
    expect(code).toBe(0);
    expect(out.map((line) => JSON.parse(line))).toMatchObject([{ text: "one\u2028two\u2029three" }]);
  });

  it("logs --follow goes on until the run has ended", async () => {
    const followed = command("logs", runId, "--follow", "--json");
    while (reader.following === 0) await new Promise((resolve) => setImmediate(resolve));
    reader.write(runId, { atMs: 0, kind: "say", text: "late" });
    reader.put(makeRun({ state: { at: "ended", words: "", outcome: "succeeded" } }));
    const { code, out } = await followed;
    expect(code).toBe(0);
    expect(out.map((line) => JSON.parse(line))).toMatchObject([{ kind: "say", text: "late" }]);
  });

  it("cancel asks the App to stop the run", async () => {
    expect(await command("cancel", runId, "--json")).toEqual({ code: 0, out: ['{"ok":true}'], err: "" });
    expect(reader.cancelled).toMatchObject([{ run: runId }]);
  });

  it("end with 1 and the App's own words where it says no", async () => {
    expect(await command("show", "zzz")).toMatchObject({ code: 1, err: expect.stringContaining("There is no such run.") });
    reader.put(makeRun({ state: { at: "ended", words: "" } }));
    expect(await command("cancel", runId)).toMatchObject({ code: 1, err: expect.stringContaining("has ended already") });
  });

  it.each(['{"runs":[{"id":1}]}', "not json"])("end with 1 where the answer is not understood: %s", async (text) => {
    answer = text;
    expect(await command("list")).toMatchObject({ code: 1, err: expect.stringContaining("does not understand") });
  });

  it("end with 69 and say how to start it where no Airlock runs", async () => {
    const terminal = fakeTerminal();
    const code = await runCommandLine(["runs", "list", "--json", "--data", join(folder, "other")], terminal);
    expect(code).toBe(69);
    expect(JSON.parse(terminal.errLines.join("\n")).error).toMatchObject({ code: "engine.airlock-away" });
  });

  it("prints a run's record, verifies its chain, and names the first row that does not fit", async () => {
    const bare = makeRun().evidence.rows;
    let digest = firstDigest(runId);
    const rows = bare.map((row) => {
      digest = digestOf(digest, row);
      return { ...row, digest };
    });
    reader.head = { rows: rows.length, digest };
    reader.put(makeRun({ evidence: { allowed: 3, refused: 1, rows } }));
    expect((await command("evidence", runId)).out.join("\n")).toContain("CONNECT example.com:443");
    expect(JSON.parse((await command("evidence", runId, "--json")).out[0] ?? "")).toMatchObject({
      run: runId,
      rows,
      head: reader.head,
    });
    expect(await command("evidence", runId, "--verify")).toMatchObject({ code: 0, out: [`4 rows fit, digest ${digest}`] });

    const changed = rows.map((row) => (row.seq === 3 ? { ...row, verdict: "allowed" as const } : row));
    reader.put(makeRun({ evidence: { allowed: 4, refused: 0, rows: changed } }));
    const found = await command("evidence", runId, "--verify");
    expect(found).toMatchObject({ code: 1, out: [expect.stringContaining("row 3 does not fit")] });
    const told = await command("evidence", runId, "--verify", "--json");
    expect([told.code, JSON.parse(told.out[0] ?? "")]).toEqual([1, expect.objectContaining({ ok: false, seq: 3 })]);
    reader.put(makeRun({ evidence: { allowed: 3, refused: 0, rows: rows.slice(0, 3) } }));
    expect(await command("evidence", runId, "--verify")).toMatchObject({
      code: 1,
      out: [expect.stringContaining("3 rows are there, and 4")],
    });
  });
});
