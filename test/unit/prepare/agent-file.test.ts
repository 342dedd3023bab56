import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAgentFile } from "../../../src/prepare/agent-file.ts";
import { workedMs } from "../../helpers/worked.ts";

describe("a repository's settings", () => {
  it("are read by the grammar of the operator's", () => {
    const text =
      "# ours\nlimits:\n  minutes: 30\n  memory: 2g\n  cpus: 1.5\n  processes: 512\n  disk: 4g\n  inodes: 200000\n  output: 16m\n  budget-usd: 2.50\n  budget-tokens: none\n";
    expect(parseAgentFile(text)).toEqual({
      limits: {
        ...{ minutes: 30, memoryBytes: 2 * 1024 ** 3, cpus: 1.5, processes: 512, diskBytes: 4 * 1024 ** 3, diskFiles: 200_000 },
        ...{ outputBytes: 16 * 1024 ** 2, budgetMicroUsd: 2_500_000, budgetTokens: "none" },
      },
    });
  });

  it.each(["", "\n", "# nothing\n", "limits: {}\n", "{}"])("say nothing where they are empty: %j", (text) => {
    expect(parseAgentFile(text)).toEqual({ limits: {} });
  });

  it("say what is done with certain paths, and only more strictly", () => {
    expect(parseAgentFile('paths:\n  "Infra/**": hold\n  docs/*: draft\n  __proto__: refuse\n')).toEqual({
      limits: {},
      paths: [
        { glob: "infra/**", action: "hold" },
        { glob: "docs/*", action: "draft" },
        { glob: "__proto__", action: "refuse" },
      ],
    });
    expect(parseAgentFile("paths: {}\n")).toEqual({ limits: {} });
  });

  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
    .split("")
    .map((name, i) => `${name}: &${name} [${`*${"abcdefgh"[i]},`.repeat(9).slice(0, -1)}]`)
    .join("\n")}\n`;
  it.each<[string, string, number, number, RegExp]>([
    ["an unknown key", "limits:\n  minutes: 3\n  minuets: 3\n", 3, 3, /limits\.minuets is no key/],
    ["an unknown part", "limits: {}\nnetwork: open\n", 2, 1, /network is no key/],
    ["a value that is none", "limits:\n  memory: lots\n", 2, 11, /limits\.memory is not a size such as 4g/],
    ["a value too small", "limits:\n  processes: 3\n", 2, 14, /limits\.processes is not a whole number from 64/],
    ["an empty value", "limits:\n  minutes:\n", 2, 11, /limits\.minutes is neither a number nor a text/],
    ["a path that is to be milder", 'paths:\n  "infra/**": allow\n', 2, 15, /paths\.infra\/\*\* is given none of draft, hold/],
    ["a pattern that is none", "paths:\n  /infra: hold\n", 2, 11, /paths\.\/infra begins or ends with/],
    ["a list of paths", "paths: [infra]\n", 1, 8, /paths is not a list of keys and values/],
    ["a list", "limits: [1]\n", 1, 9, /limits is not a list of keys and values/],
    ["a bare text", "30 minutes\n", 1, 1, /the file is not a list/],
    ["a key twice", "limits:\n  minutes: 3\n  minutes: 90\n", 3, 3, /unique/],
    ["bad indentation", "limits:\n  minutes: 3\n memory: 2g\n", 3, 1, /.+/],
    ["a second document", "limits: {}\n---\nlimits: {}\n", 2, 1, /.+/],
    ["a tag", "limits: !!js/function x\n", 1, 9, /.+/],
    ["an anchor", "limits: &a {}\n", 1, 12, /anchors and aliases/],
    ["an alias bomb", bomb, 1, 7, /anchors and aliases/],
    ["a merge key", "x: &x {minutes: 3}\nlimits:\n  <<: *x\n", 1, 7, /anchors and aliases/],
    ["more than it may hold", `# ${"x".repeat(20_000)}\n`, 1, 1, /larger than 16384 bytes/],
    ["nesting without end", `limits: ${"[".repeat(16_000)}`, 1, 1, /.+/],
  ])("are refused with their place for %s", (_what, text, line, column, words) => {
    const startedMs = workedMs();
    const fault = parseAgentFile(text);
    expect(fault).toMatchObject({ words: expect.stringMatching(words), remedy: expect.stringMatching(/^(Write|Known)/) });
    expect(fault).toMatchObject({ line: expect.any(Number), column: expect.any(Number) });
    if (!/nesting/.test(_what))
      expect([("line" in fault && fault.line) || 0, ("column" in fault && fault.column) || 0]).toEqual([line, column]);
    expect(workedMs() - startedMs).toBeLessThan(2_000);
  });

  it("never throw, and give nothing that was not asked for", () => {
    const piece = fc.constantFrom(
      "limits:",
      "\n",
      "  ",
      "minutes: 5",
      "cpus: ",
      "1.5",
      "&a ",
      "*a",
      "- ",
      "{",
      "}",
      "[",
      "]",
      '"',
      "!x",
      "---\n",
      "é",
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const read = parseAgentFile(text);
        return "limits" in read ? Object.values(read.limits).every((value) => value === "none" || value > 0) : read.line >= 1;
      }),
    );
  });
});
