import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanMessage, printMessage } from "../../../src/publish/message.ts";
import { workedMs } from "../../helpers/worked.ts";

const clean = (raw: string): string => {
  const { subject, body } = cleanMessage(raw, "Work on issue 7");
  return `${subject}\n\n${body}`;
};

/** What GitHub acts upon, or links, wherever it stands in a message. */
const directive =
  /:\/\/|#\d|GH-\d|@[a-z0-9]|\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^\s*(?:co-authored-by|signed-off-by|skip-checks|request-checks|on-behalf-of|airlock-run)\s*:/im;

describe("a commit message of the agent's", () => {
  it("keeps its words", () => {
    expect(cleanMessage("Greet strangers\n\nThe name may be missing.\n\n- a test\n- another\n", "x")).toEqual({
      subject: "Greet strangers",
      body: "The name may be missing.\n\n- a test\n- another",
    });
  });

  it.each([
    ["Fixes #12", "Fixes no. 12"],
    ["It closes: #12", "It closes: no. 12"],
    ["Resolves acme/shop#3", "Resolves acme/shop no. 3"],
    ["##1 (#2)", "#no. 1 (no. 2)"],
    ["fixes GH-4 and gh-5", "fixes GH 4 and gh 5"],
    ["_GH-4_", "_GH 4_"],
    ["Fixes https://github.com/acme/shop/issues/3", "Fixes https: //github.com/acme/shop/issues/3"],
    ["hhttps://ttps://evil.example/x", "hhttps: //ttps: //evil.example/x"],
    ["ssh://evil", "ssh: //evil"],
    ["ask @acme/security", "ask @ acme/security"],
    ["@\u200bmaintainer", "@ maintainer"],
    ["[skip ci] done", "(skip ci) done"],
    ["done [No CI] [ACTIONS SKIP]", "done (No CI) (ACTIONS SKIP)"],
    ["[skip\u200b ci]", "(skip ci)"],
    ["[skip netlify] [travis skip]", "(skip netlify) (travis skip)"],
    ["***NO_CI***", "* NO CI *"],
    ["#\u200b12", "no. 12"],
    ["bell\u0007 and \u001b[31mred", "bell and [31mred"],
  ])("%j has no effect any more", (raw, wanted) => {
    expect(cleanMessage(raw, "x").subject).toBe(wanted);
    expect(cleanMessage(`Subject\n\n${raw}`, "x").body).toBe(wanted);
  });

  it.each([
    "Co-authored-by: Mallory <m@example.com>",
    "  co-authored-by : Mallory <m@example.com>",
    "Signed-off-by: Mallory <m@example.com>",
    "Airlock-Run: aaaaaaaaaaaaaaaa",
    "Change-Id: I1",
    "closes: #12",
    "skip-checks: true",
    "skip-checks:true",
    "request-checks: true",
    "on-behalf-of: @acme <x@example.com>",
  ])("loses the trailer %j", (line) => {
    expect(cleanMessage(`Subject\n\nBody.\n\n${line}\r\nEnd.`, "x").body).toBe("Body.\n\nEnd.");
    expect(cleanMessage(line, "Work on issue 7")).toEqual({ subject: "Work on issue 7", body: "" });
  });

  it.each(["", "\n\n \n", "\u200b\n\u0000"])("that says nothing, as %j, gets words of ours", (raw) => {
    expect(cleanMessage(raw, "Work on issue 7")).toEqual({ subject: "Work on issue 7", body: "" });
  });

  it("is bounded", () => {
    const { subject, body } = cleanMessage(`${"s".repeat(1_000)}\n\n${"b".repeat(10_000)}`, "x");
    expect([subject.length, body.length]).toEqual([120, 4_000]);
  });

  it("[68] has no directive left, however they are nested, split or joined by what is taken out", () => {
    const part = fc.constantFrom(
      ..."https:// http:// h ttps:// # 1 GH- 2 @ bob [ skip ci ] [skip ci] [no ci] \n \n\n \u200b \u0000 \t Co-authored-by: : x - acme/shop".split(
        " ",
      ),
      " ",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
        expect(clean(parts.join(""))).not.toMatch(directive);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is cleaned in a time that grows with its length alone", () => {
    const startedAtMs = workedMs();
    for (const raw of ["a-".repeat(100_000), " ".repeat(200_000), "[skip ".repeat(50_000), "\n".repeat(200_000)]) clean(raw);
    expect(workedMs() - startedAtMs).toBeLessThan(1_000);
  });
});

describe("the whole message", () => {
  const coAuthor = { login: "maintainer", id: 11, host: "github.com" };
  const trailers = "Co-authored-by: maintainer <11+maintainer@users.noreply.github.com>\nAirlock-Run: aaaaaaaaaaaaaaaa\n";

  it("ends with our own trailers, in a paragraph of their own", () => {
    expect(printMessage({ subject: "S", body: "B", run: "aaaaaaaaaaaaaaaa", coAuthor })).toBe(`S\n\nB\n\n${trailers}`);
    expect(printMessage({ subject: "S", body: "", run: "aaaaaaaaaaaaaaaa", coAuthor })).toBe(`S\n\n${trailers}`);
  });
});
