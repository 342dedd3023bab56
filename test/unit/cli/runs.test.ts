import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../../../src/cli/program.ts";
import { appSocket } from "../../../src/settings/place.ts";
import { readPlaceSettings } from "../../../src/settings.ts";
import { fakeTerminal } from "./fake-terminal.ts";

const id = "abcdefghijklmnop";
const run = {
  id,
  repository: "acme/shop",
  subject: "issue #7",
  state: "working",
  requester: "ada",
  createdAtMs: Date.now() - 65_000,
  url: "http://localhost:3000/runs/x",
};

describe("runs", () => {
  let folder: string;
  let server: Server;
  let answer: (method: string, url: string) => { status?: number; body: string };
  const asked: string[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "runs-"));
    const socket = appSocket(readPlaceSettings({ dataFolder: folder }));
    mkdirSync(dirname(socket), { recursive: true });
    asked.length = 0;
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const { status = 200, body } = answer(`${request.method}`, `${request.url}`);
      response.writeHead(status).end(body);
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(socket, resolve);
    await promise;
  });

  afterEach(async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    server.close(resolve);
    await promise;
    rmSync(dirname(appSocket(readPlaceSettings({ dataFolder: folder }))), { recursive: true, force: true });
    rmSync(folder, { recursive: true });
  });

  async function command(...argv: string[]) {
    const terminal = fakeTerminal();
    const code = await runCommandLine(["runs", ...argv, "--data", folder], terminal);
    return { code, out: terminal.outLines, err: terminal.errLines.join("\n") };
  }

  it("list is a table for people", async () => {
    answer = () => ({ body: JSON.stringify({ runs: [run, { ...run, id: "bcdefghijklmnopq", outcome: "succeeded" }] }) });
    const { code, out } = await command("list");
    expect(code).toBe(0);
    expect(out[0]).toMatch(/^RUN +REPOSITORY +SUBJECT +STATE +BY +AGE$/);
    expect(out[1]).toMatch(/^abcdefghijklmnop +acme\/shop +issue #7 +working +ada +1m$/);
    expect(out[2]).toContain("succeeded");
  });

  it("list --json is what the App said", async () => {
    answer = () => ({ body: JSON.stringify({ runs: [run] }) });
    const { out } = await command("list", "--json");
    expect(JSON.parse(out.join("\n"))).toEqual({ runs: [run] });
  });

  it("show tells one run, times as dates", async () => {
    answer = () => ({ body: JSON.stringify({ run }) });
    const { out } = await command("show", id);
    expect(asked).toEqual([`GET /runs/${id}`]);
    expect(out.join("\n")).toMatch(/^created at +\d{4}-\d\d-\d\dT/m);
  });

  it("logs prints a line for each event, and nothing that moves the terminal", async () => {
    const events = [
      { atMs: 0, kind: "tool", tool: "Bash", text: "ls\u001b[2J\nrm" },
      { atMs: 1_000, kind: "text", text: "\u001b]8;;http://evil\u0007Done\u009b31m" },
    ];
    answer = () => ({ body: events.map((event) => `${JSON.stringify(event)}\n`).join("") });
    const { out } = await command("logs", id, "--follow");
    expect(asked).toEqual([`GET /runs/${id}/logs?follow=1`]);
    expect(out).toEqual(["00:00:00  tool Bash  ls rm", "00:00:01  text  Done"]);
  });

  it("cancel asks the App to stop the run", async () => {
    answer = () => ({ body: '{"ok":true}' });
    const { code, out } = await command("cancel", id, "--json");
    expect({ code, out, asked }).toEqual({ code: 0, out: ['{"ok":true}'], asked: [`POST /runs/${id}/cancel`] });
  });

  it("end with 1 where the App knows no such run", async () => {
    answer = () => ({ status: 404, body: "{}" });
    const { code, err } = await command("show", id);
    expect(code).toBe(1);
    expect(err).toContain("runs list");
  });

  it("end with 1 where the answer is not understood", async () => {
    answer = () => ({ body: '{"runs":[{"id":1}]}' });
    expect((await command("list")).code).toBe(1);
    answer = () => ({ body: "not json" });
    expect((await command("list")).code).toBe(1);
  });

  it("end with 69 and say how to start it where no Airlock runs", async () => {
    const terminal = fakeTerminal();
    const code = await runCommandLine(["runs", "list", "--json", "--data", join(folder, "other")], terminal);
    expect(code).toBe(69);
    expect(JSON.parse(terminal.errLines.join("\n")).error).toMatchObject({ code: "engine.airlock-away" });
  });
});
