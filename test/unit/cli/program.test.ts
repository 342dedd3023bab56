import { describe, expect, it } from "vitest";
import { runCommandLine } from "../../../src/cli/program.ts";
import { reportFault } from "../../../src/cli/report-fault.ts";
import { Fault } from "../../../src/fault.ts";
import { fakeTerminal } from "./fake-terminal.ts";

async function run(...argv: string[]) {
  const terminal = fakeTerminal();
  const code = await runCommandLine(argv, terminal);
  return { code, out: terminal.outLines.join("\n"), err: terminal.errLines.join("\n") };
}

describe("the command line", () => {
  it.each([[], ["help"], ["--help"], ["-h"]])("tells all commands when asked by %j", async (...argv) => {
    const { code, out, err } = await run(...argv);
    expect(code).toBe(0);
    expect(err).toBe("");
    for (const command of ["demo", "start", "dev", "test", "runs", "Exit codes"]) expect(out).toContain(command);
  });

  it.each([
    ["demo"],
    ["start"],
    ["dev"],
    ["test"],
    ["backup"],
    ["restore"],
    ["migrate"],
    ["runs"],
    ["runs", "list"],
    ["runs", "show"],
    ["runs", "logs"],
    ["runs", "cancel"],
  ])("has help for %s %s", async (...argv) => {
    const { code, out } = await run(...argv.filter(Boolean), "--help");
    expect(code).toBe(0);
    expect(out).toContain(`Usage: airlock ${argv.filter(Boolean).join(" ")}`);
  });

  it("prints its version alone", async () => {
    expect(await run("--version")).toEqual({ code: 0, out: "0.1.0", err: "" });
  });

  it.each([
    [["nothing"]],
    [["demo", "--nothing"]],
    [["runs", "show"]],
    [["dev", "--scenario"]],
    [["start", "surplus"]],
    [["runs", "cancel", "NO-ID"]],
    [["restore"]],
  ])("ends with 2 for %j, and leaves stdout alone", async (argv) => {
    const { code, out, err } = await run(...argv);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).not.toBe("");
  });

  it("proposes the command that was meant", async () => {
    expect((await run("tset")).err).toContain("Did you mean test?");
  });
});

describe("a failure", () => {
  const fault = new Fault("settings.PORT", "PORT is not a number", { remedy: "Leave it out for 3000" });

  it("is two lines for people", () => {
    const terminal = fakeTerminal();
    reportFault(fault, { terminal, json: false });
    expect(terminal.errLines).toEqual(["airlock: PORT is not a number", "Leave it out for 3000"]);
  });

  it("is one JSON object on stderr for programs", () => {
    const terminal = fakeTerminal();
    reportFault(fault, { terminal, json: true });
    expect(JSON.parse(terminal.errLines.join("\n"))).toEqual({
      error: { code: "settings.PORT", message: "PORT is not a number", remedy: "Leave it out for 3000" },
    });
  });

  it("that nobody foresaw shows where it was", () => {
    const terminal = fakeTerminal();
    reportFault(new TypeError("x is undefined"), { terminal, json: false });
    expect(terminal.errLines.join("\n")).toContain("program.test.ts");
  });
});
