import MarkdownIt from "markdown-it";
import { describe, expect, it } from "vitest";
import { printCheckOutput, printComment, printPullRequest, type Summary } from "../../../src/report/summary.ts";
import type { EvidenceRow } from "../../../src/run/evidence.ts";
import type { RunId } from "../../../src/run/identity.ts";

const pageUrl = "https://airlock.example/runs/0123456789abcdef0123456789abcdef";

function row(change: Partial<EvidenceRow>): EvidenceRow {
  return {
    run: "abcdefghijklmnop" as RunId,
    seq: 1,
    atMs: 1,
    door: "model",
    method: "POST",
    target: "/v1/messages",
    verdict: "allowed",
    rule: "model.messages",
    bytesIn: 0,
    bytesOut: 0,
    status: 200,
    durationMs: 1,
    ...change,
  };
}

const refused = (target: string, seq = 9) =>
  row({ seq, door: "none", method: "CONNECT", target, verdict: "refused", rule: "default.refuse", status: 403 });

function make(change: Partial<Summary> = {}): Summary {
  return {
    subject: { kind: "issue", number: 7, title: "Prices add up wrongly" },
    mode: "sealed",
    words: "Done: the work is in the pull request.",
    outcome: "succeeded",
    spanMs: 64_000,
    usage: { turns: 4, inputTokens: 10_312, outputTokens: 1_840, cacheReadTokens: 52_000, cacheWriteTokens: 0, costUsd: 0.0731 },
    evidence: [row({}), row({ door: "git" }), refused("example.com:443")],
    checks: [{ name: "uid", side: "inside", ok: true, seen: "300007" }],
    grants: [
      { duty: "publisher", expiresAtMs: 9_000, revokedAtMs: 2_000 },
      { duty: "reporter", expiresAtMs: 9_000 },
      { duty: "starter", expiresAtMs: 4_000, lost: true },
    ],
    isolation: { kind: "runc", version: "1.1.5", kernel: "6.1.0", escapes: [] },
    notes: [],
    pullRequest: { number: 8, url: "https://github.example/acme/shop/pull/8" },
    pageUrl,
    answer: "I count in **cents** now.",
    nowMs: 5_000,
    ...change,
  };
}

const everyText = (summary: Summary) => [
  printCheckOutput(summary).summary,
  printComment(summary),
  printPullRequest(summary).body,
];

describe("what GitHub is told", () => {
  it("gives the check run its figures", () => {
    const { title, summary } = printCheckOutput(make());
    expect(title).toBe("Done: the work is in the pull request (1 min 04 s)");
    for (const words of [
      "sealed: no network, no secret inside",
      "1 of 1 check passed",
      "4 turns, 10,312 in, 1,840 out, 52,000 cached, $0.0731",
      "model 1 allowed; git 1 allowed; no door 1 refused",
      "3 minted, 1 revoked, 1 live (revoked when the run ends)",
      "`CONNECT example.com:443` | `default.refuse` | 1 |",
      pageUrl,
    ])
      expect(summary).toContain(words);
  });

  it("says that a price is unknown rather than nothing", () => {
    const { costUsd: _, ...usage } = make().usage;
    expect(printCheckOutput(make({ usage })).summary).toContain("price unknown");
  });

  it("keeps the comment short, with the answer only where there is no pull request to read", () => {
    expect(printComment(make())).toBe(
      "**Done: the work is in the pull request.**\n\nThe work is in #8.\n\n1 min 04 s · 4 turns · $0.0731 · 1 request refused.\n\n" +
        `[Follow the run](${pageUrl})`,
    );
    const { pullRequest: _, ...without } = make({ outcome: "no_changes", words: "Done, without changes to the code." });
    expect(printComment(without)).toContain("### What the agent says\n\n> I count in **cents** now.");
  });

  it("tells in the comment of a run that goes on how to stop it", () => {
    const { outcome: _, pullRequest: __, ...going } = make({ words: "Waiting for a free place: number 3 in the queue." });
    const comment = printComment(going);
    expect(comment).toContain("number 3 in the queue");
    expect(comment).toContain("`/agent stop`");
    expect(comment).not.toContain("cents");
  });

  it("closes the issue by its pull request, and no pull request by another", () => {
    expect(printPullRequest(make()).body).toMatch(/^Closes #7\n/);
    expect(printPullRequest(make({ subject: { kind: "pull", number: 7, title: "x" } })).body).not.toContain("Closes");
  });

  it("names the reason and what to do about it", () => {
    const reason = { code: "model.key", words: "The model's key was refused.", remedy: "Set ANTHROPIC_API_KEY." };
    expect(printComment(make({ outcome: "failed", reason }))).toContain(
      "Why: The model's key was refused.\n\nWhat to do: Set ANTHROPIC_API_KEY.",
    );
  });

  it.each(["see www.evil.example", "see https://evil.example", "as GH-12 says", "ask @maria", "fixes #1", "a *b*", "_x_", "<b>"])(
    "puts a reason that holds more than plain words into code: %s",
    (words) => {
      expect(printComment(make({ outcome: "failed", reason: { code: "x", words } }))).toContain(
        `Why: \`${words.replace("#", "%23")}\``,
      );
    },
  );

  it("counts refusals that are alike, the most frequent first, ten at most", () => {
    const evidence = [
      ...Array.from({ length: 15 }, (_, n) => refused(`host-${n}.example:443`, n)),
      refused("often.example:443"),
      refused("often.example:443"),
    ];
    const { summary } = printCheckOutput(make({ evidence }));
    expect(summary).toContain("`CONNECT often.example:443` | `default.refuse` | 2 |");
    expect(summary.indexOf("often.example")).toBeLessThan(summary.indexOf("host-0."));
    expect(summary).toContain("and 6 other kinds of request.");
  });

  it("[58] says what kept the sandbox apart, and what is known against it", () => {
    expect(printCheckOutput(make()).summary).toContain("| Kept apart by | `runc 1.1.5 on Linux 6.1.0` |");
    expect(printCheckOutput(make()).summary).not.toContain("Known holes");
    const isolation = {
      kind: "gvisor",
      version: "release-20260105.0",
      kernel: "6.1.0",
      escapes: ["docker 20 has a hole"],
    } as const;
    const { summary } = printCheckOutput(make({ isolation }));
    expect(summary).toContain("gVisor release-20260105.0 (a kernel of its own) on Linux 6.1.0");
    expect(summary).toContain("### Known holes of what keeps the sandbox\n\n- docker 20 has a hole");
  });

  it("[50] lets no text of a stranger leave its place", () => {
    const hostile = "x` @org/team Fixes #1 | <b>\u001b[31m\n\n# head ![i](https://evil.example/p) \u202e";
    const summary = make({
      evidence: [refused(hostile)],
      notes: [hostile],
      isolation: { kind: "gvisor", version: hostile, kernel: hostile, escapes: [hostile] },
      checks: [{ name: hostile, side: "inside", ok: false, seen: hostile }],
      reason: { code: "x", words: hostile, remedy: hostile },
    });
    for (const text of everyText(summary)) {
      const shown = new MarkdownIt({ html: true }).render(text).replaceAll(/<code>[^<]*<\/code>/g, "");
      expect(shown).not.toMatch(/@org|Fixes|evil\.example|<b>|<img|<h1/);
      for (const sign of ["Fixes #1", "\u001b", "\u202e"]) expect(text).not.toContain(sign);
    }
  });

  it("[50] mentions nobody", () => {
    for (const text of everyText(make())) expect(text).not.toContain("@");
  });

  it.each(["```js\nnever closed", "~~~~\n```\n~~~", "```\n` ``` `\n"])(
    "closes a fence that the agent left open: %j",
    (answer) => {
      const { body } = printPullRequest(make({ answer }));
      expect(new MarkdownIt().render(body)).toContain("<h3>How it was made</h3>");
    },
  );

  it("stays within GitHub's limits, in bytes too", () => {
    const long = "語".repeat(200_000);
    const summary = make({
      words: long,
      subject: { kind: "issue", number: 7, title: long },
      answer: `\`\`\`\n${long}`,
      notes: Array.from({ length: 500 }, () => long),
      reason: { code: "x", words: long, remedy: long },
      evidence: Array.from({ length: 300 }, (_, seq) => refused(`${seq}${long}`, seq)),
    });
    expect(printCheckOutput(summary).title.length).toBeLessThanOrEqual(255);
    expect(printPullRequest(summary).title.length).toBeLessThanOrEqual(250);
    expect(Buffer.byteLength(printCheckOutput(summary).summary)).toBeLessThanOrEqual(65_535);
    expect(Buffer.byteLength(printPullRequest(summary).body)).toBeLessThanOrEqual(65_535);
  });
});
