import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCommandLine } from "../../../src/trigger/command-line.ts";
import { workedMs } from "../../helpers/worked.ts";

describe("a comment's first line", () => {
  it.each([
    ["/agent fix", { command: "fix", instructions: "" }],
    ["/agent fix the tests", { command: "fix", instructions: "the tests" }],
    ["/agent \t fix \t the tests \t ", { command: "fix", instructions: "the tests" }],
    ["/agent fix\r\nKeep it small.\r\n\r\nThanks", { command: "fix", instructions: "Keep it small.\n\nThanks" }],
    ["/agent fix this\n> quoted", { command: "fix", instructions: "this\n> quoted" }],
    ["/agent", { command: "help" }],
    ["/agent   ", { command: "help" }],
    ["/agent help", { command: "help" }],
    ["/agent stop", { command: "stop" }],
    ["/agent stop now, please", { command: "stop" }],
    ["/agent status\nmore", { command: "status" }],
    ["/agent FIX", { command: "unknown", word: "FIX" }],
    ["/agent fix!", { command: "unknown", word: "fix!" }],
    [`/agent ${"x".repeat(60)}`, { command: "unknown", word: "x".repeat(40) }],
  ])("%j is a command", (body, wanted) => {
    expect(parseCommandLine(body)).toEqual(wanted);
  });

  it.each([
    ["nothing", ""],
    ["a quote", "> /agent fix"],
    ["a code fence", "```\n/agent fix\n```"],
    ["code", "`/agent fix`"],
    ["an indented line", " /agent fix"],
    ["a tab before", "\t/agent fix"],
    ["a blank line before", "\n/agent fix"],
    ["a later line", "Please:\n/agent fix"],
    ["a byte order mark", "\ufeff/agent fix"],
    ["a zero-width space before", "\u200b/agent fix"],
    ["a zero-width space within", "/agent\u200b fix"],
    ["a no-break space", "/agent\u00a0fix"],
    ["a no-break space after the word", "/agent fix\u00a0this"],
    ["a Cyrillic letter", "/\u0430gent fix"],
    ["a division slash", "\u2215agent fix"],
    ["a full-width slash", "\uff0fagent fix"],
    ["a bidi mark", "\u202e/agent fix"],
    ["another case", "/Agent fix"],
    ["a longer word", "/agents fix"],
    ["no space", "/agentfix"],
    ["a lone carriage return as line end", "/agent fix\rthis"],
    ["a line separator", "/agent fix\u2028this"],
  ])("that is %s is no command", (_, body) => {
    expect(parseCommandLine(body)).toBeUndefined();
  });

  it("is a command only where it starts with the very word and a blank or its end", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[ >`/]?\/?agent[ \t\r\n]?(fix)?.{0,9}$/)),
        (body) => {
          if (parseCommandLine(body)) expect(body).toMatch(/^\/agent(?:$|[ \t\r\n])/);
        },
      ),
    );
  });

  it("[29] decides alone: nothing in the lines after it makes or unmakes a command", () => {
    const line = fc.constantFrom("/agent fix it", "/agent stop", "> /agent fix", "text", "");
    fc.assert(
      fc.property(line, fc.string({ unit: "binary" }), (first, rest) => {
        expect(parseCommandLine(`${first}\n${rest}`)?.command).toBe(parseCommandLine(first)?.command);
      }),
    );
  });

  it("[82] is read in a time that grows with its length alone, however it is made", () => {
    const bodies = [
      `/agent x${" ".repeat(65_000)}\ry`,
      `/agent${" ".repeat(65_000)}\u00a0`,
      `/agent fix${" \t".repeat(32_000)}\u2028`,
    ];
    const startedAtMs = workedMs();
    for (const body of bodies) parseCommandLine(body);
    expect(workedMs() - startedAtMs).toBeLessThan(500);
  });
});
