import { describe, expect, it } from "vitest";
import { createPages } from "../../../src/pages/pages.ts";
import type { RunView } from "../../../src/pages/view.ts";
import { FakeReader, fillTranscript, key, makeRun, runId, smallPatch } from "./fake-reader.ts";

function setUp(view: RunView | undefined = makeRun(), publicUrl = "https://airlock.example/") {
  const reader = new FakeReader();
  if (view) reader.put(view);
  const faults: unknown[] = [];
  const closing = new AbortController();
  const app = createPages({
    reader,
    publicUrl,
    closing: closing.signal,
    health: async () => ({ ok: true, version: "0.1.0" }),
    onFault: (error) => faults.push(error),
  });
  return { reader, app, faults, closing, get: async (path: string) => (await app.request(path)).text() };
}

const hostile = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  "[x](javascript:alert(1))",
  "![x](https://evil.example/p.png)",
  "```\n</code></pre></li><script>alert(1)</script>",
  "\u001b]8;;https://evil.example\u001b\\click\u001b]8;;\u001b\\",
  "a\u202eb",
  "x".repeat(100_000),
  "</title></textarea><svg onload=alert(1)>",
].join("\n\n");

function makeHostileRun(): RunView {
  const view = makeRun();
  return {
    ...view,
    repository: { owner: hostile, name: hostile, url: "javascript:alert(1)" },
    subject: { kind: "pull", number: 7, title: hostile, url: "javascript:alert(1)//https://x" },
    requester: { login: hostile },
    trigger: hostile,
    state: { at: `working" onload="x`, words: hostile, next: hostile, reason: hostile },
    timeline: [{ atMs: 1, words: hostile, detail: hostile }],
    isolation: { kind: "gvisor", version: hostile, kernel: hostile, escapes: [hostile] },
    checks: [{ name: hostile, side: "inside", ok: false, seen: hostile }],
    evidence: {
      allowed: 1,
      refused: 0,
      rows: view.evidence.rows.map((row) => ({ ...row, method: hostile, target: hostile, rule: hostile })),
    },
    grants: [{ duty: hostile, permissions: { [hostile]: hostile }, mintedAtMs: 1, expiresAtMs: 2 }],
    branch: hostile,
    checkRun: { id: 1, url: "data:text/html,x" },
    pullRequest: { number: 8, url: "vbscript:x" },
    patch: smallPatch.replaceAll("src/price.ts", "<script>").replaceAll("cents", "<img src=x onerror=alert(1)>"),
    answer: hostile,
  };
}

describe("a run's page", () => {
  it("tells state, what happens next, who asked, and what was spent", async () => {
    const { get } = setUp();
    const page = await get(`/runs/${key}`);
    for (const words of [
      "Claude Code is working on issue #7",
      "its work is inspected before anything leaves the sandbox",
      "maria, by the label agent",
      "4 turns, $0.0731",
      "10,312 in, 1,840 out, 61,100 cached",
      "Sandbox sealed",
      "+320 ms",
      "All 4 checks passed",
      "runc 1.1.5+ds1 on Linux 6.1.0",
      "runc 1.1.5 has a known hole",
      "revoked after 500 ms",
      "example.com:443",
    ])
      expect(page).toContain(words);
  });

  it("loads itself anew without JavaScript while the run goes on, and only then", async () => {
    const { reader, get } = setUp();
    expect(await get(`/runs/${key}`)).toContain('<noscript><meta http-equiv="refresh" content="10"></noscript>');
    reader.put(makeRun({ state: { at: "ended", words: "Done", outcome: "succeeded" } }));
    const ended = await get(`/runs/${key}`);
    expect(ended).not.toContain("http-equiv");
    expect(ended).not.toContain("data-live");
  });

  it("filters requests by verdict", async () => {
    const { get } = setUp();
    const refused = await get(`/runs/${key}?verdict=refused`);
    expect(refused).toContain("example.com:443");
    expect(refused).not.toContain("git.run-repository");
    expect(await get(`/runs/${key}?verdict=allowed`)).not.toContain("example.com:443");
    expect(await get(`/runs/${key}?verdict="><script>`)).toContain("git.run-repository");
  });

  it("opens at the transcript's end and leads to earlier entries", async () => {
    const { reader, get } = setUp();
    for (let count = 1; count <= 700; count += 1) reader.write(runId, { kind: "note", text: `step ${count}.` });
    const page = await get(`/runs/${key}`);
    expect(page).toContain("step 700.");
    expect(page).not.toContain("step 400.");
    const earlier = /href="([^"]*after=\d+)[^"]*">Earlier/.exec(page)?.[1] ?? "";
    const before = await get(earlier);
    expect(before).toContain("step 400.");
    expect(before).toContain("Later entries");
    // A part that is not the end must not have new entries added to it.
    expect(before).not.toContain("data-live");
  });

  it("says that a token whose mint got no answer may live, and that a firewalled sandbox holds one", async () => {
    const { get } = setUp(
      makeRun({
        mode: "firewalled",
        grants: [{ duty: "publisher", permissions: { contents: "write" }, mintedAtMs: 1, expiresAtMs: 4e12, lost: true }],
      }),
    );
    const page = await get(`/runs/${key}`);
    expect(page).toContain("answer lost, lives at most until");
    expect(page).toContain("one of them is inside the sandbox");
  });

  it("links to no address that is not http or https", async () => {
    const { get } = setUp(makeHostileRun());
    for (const [, href] of (await get(`/runs/${key}`)).matchAll(/(?:href|src)="([^"]*)"/g)) expect(href).toMatch(/^(\/|#)/);
  });

  it("[50] stays inert whatever the texts hold", async () => {
    const { reader, get } = setUp(makeHostileRun());
    for (const kind of ["note", "say", "tool", "tool-result", "end", "unknown"] as const)
      reader.write(runId, { kind, tool: hostile, text: hostile });
    for (const path of [`/runs/${key}`, `/runs/${key}/diff`]) {
      const page = await get(path);
      expect(page.match(/<script/g)).toHaveLength(1);
      expect(page).not.toMatch(/<(svg|iframe|object|form|style|base)/i);
      expect(page.match(/<img/g)).toHaveLength(1);
      // Each tag on its own: no attribute that runs or styles anything.
      for (const [tag] of page.matchAll(/<[a-z][^>]*>/g))
        expect(tag.replace(/"[^"]*"/g, '""')).not.toMatch(/\s(on\w+|style|srcdoc|formaction)=/i);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
      expect(page).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/);
      expect(page.length).toBeLessThan(1_500_000);
    }
  });

  it("keeps a page of endless entries readable by a browser", async () => {
    const { reader, get } = setUp();
    for (let count = 0; count < 300; count += 1) reader.write(runId, { kind: "tool-result", text: "<".repeat(1_000_000) });
    expect((await get(`/runs/${key}`)).length).toBeLessThan(4_000_000);
  });

  it("puts a path of the public address before its links", async () => {
    const { get } = setUp(makeRun(), "https://tools.example/airlock/");
    const page = await get(`/runs/${key}`);
    expect(page).toContain('href="/airlock/assets/airlock.css?v=');
    expect(page).toContain(`data-live="/airlock/runs/${key}/live?after=0"`);
  });
});

describe("the change", () => {
  it("stands in the page when it is small, and on a page of its own", async () => {
    const { get } = setUp(makeRun({ patch: smallPatch }));
    expect(await get(`/runs/${key}`)).toContain("2 files changed");
    expect(await get(`/runs/${key}`)).toContain("d2h-diff-table");
    expect(await get(`/runs/${key}/diff`)).toContain("d2h-diff-table");
  });

  it("is a file to save, never a page, as a patch", async () => {
    const { app } = setUp(makeRun({ patch: smallPatch }));
    const answer = await app.request(`/runs/${key}/patch`);
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(answer.headers.get("content-disposition")).toBe(`attachment; filename="airlock-${runId}.patch"`);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await answer.text()).toBe(smallPatch);
  });

  it("is not there before it is made", async () => {
    const { app } = setUp();
    expect((await app.request(`/runs/${key}/patch`)).status).toBe(404);
    expect(await (await app.request(`/runs/${key}/diff`)).text()).toContain("There is no change yet");
  });
});

describe("what is not there", () => {
  const paths = [
    `/runs/${"f".repeat(32)}`,
    `/runs/${"f".repeat(32)}/diff`,
    `/runs/${"f".repeat(32)}/patch`,
    `/runs/${"f".repeat(32)}/live`,
    `/runs/${key.toUpperCase()}`,
    `/runs/${key}0`,
    `/runs/${key.slice(1)}`,
    `/runs/${runId}`,
    "/runs",
    "/runs/",
    "/runs/..%2f..%2fetc%2fpasswd",
    "/assets/..%2fpages.ts",
    "/assets/__proto__",
    "/anything",
  ];
  it.each(paths)("[52] %s gets the same 404 as all else", async (path) => {
    const { app } = setUp();
    const answer = await app.request(path);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe(await (await app.request("/no/such/page")).text());
  });

  it("[52] cannot be changed from here: every method but GET and HEAD is a 404", async () => {
    const { app } = setUp();
    for (const method of ["POST", "PUT", "PATCH", "DELETE"])
      expect((await app.request(`/runs/${key}`, { method })).status).toBe(404);
  });
});

describe("every answer", () => {
  it.each(["/", `/runs/${key}`, `/runs/${key}/diff`, `/runs/${key}/patch`, "/healthz", "/nothing"])(
    "%s forbids inline code, framing, caching, indexing and leaking its address",
    async (path) => {
      const { app } = setUp();
      const { headers } = await app.request(path);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'");
      for (const part of [
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
      ])
        expect(policy).toContain(part);
      expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
      expect(headers.get("referrer-policy")).toBe("same-origin");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-robots-tag")).toBe("noindex, nofollow");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    },
  );

  it("asks for https for good only where the address is https", async () => {
    expect((await setUp().app.request("/")).headers.has("strict-transport-security")).toBe(true);
    const plain = setUp(makeRun(), "http://127.0.0.1:3000/");
    expect((await plain.app.request("/")).headers.has("strict-transport-security")).toBe(false);
  });
});

describe("around the pages", () => {
  it("says on the front page what this is, and lists no run", async () => {
    const page = await setUp().get("/");
    expect(page).toContain("no network and holds no secret");
    expect(page).not.toContain(key);
    expect(page).not.toContain("acme");
  });

  it("serves its assets under their version for good, without one for a minute", async () => {
    const { app, get } = setUp();
    const css = /href="([^"]*airlock\.css[^"]*)"/.exec(await get("/"))?.[1] ?? "";
    const answer = await app.request(css);
    expect(answer.headers.get("content-type")).toBe("text/css; charset=utf-8");
    expect(answer.headers.get("cache-control")).toContain("immutable");
    expect((await app.request("/assets/live.js?v=old")).headers.get("cache-control")).toBe("public, max-age=60");
  });

  it("is healthy, and not any more once it is closing", async () => {
    const { app, closing } = setUp();
    expect(await (await app.request("/healthz")).json()).toEqual({ ok: true, version: "0.1.0" });
    closing.abort();
    expect((await app.request("/healthz")).status).toBe(503);
  });

  it("shows a visitor nothing of an error's text, and tells the App", async () => {
    const { reader, app, faults } = setUp();
    reader.findRun = async () => {
      throw new Error("password=hunter2");
    };
    const answer = await app.request(`/runs/${key}`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain("hunter2");
    expect(faults).toHaveLength(1);
  });

  it("shows what the agent said and did, without terminal codes", async () => {
    const { reader, get } = setUp();
    fillTranscript(reader);
    const page = await get(`/runs/${key}`);
    expect(page).toContain("<strong>totals</strong>");
    expect(page).toContain("npm test -- price");
    expect(page).toContain("✓ case 24 passes");
    expect(page).not.toContain("[32m");
  });
});
