import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createPages } from "../../src/pages/pages.ts";
import { FakeReader, fillTranscript, key, makeRun, runId, smallPatch } from "../unit/pages/fake-reader.ts";

const executablePath = "/usr/bin/chromium";
// A script for the page itself, which has a DOM that the type check of this side does not know.
const contrastScript = readFileSync(new URL("./pages-contrast.js", import.meta.url), "utf8");
const flags =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

// Without the browser the test is skipped on a developer's machine, and fails where CI promises that it ran.
describe.skipIf(!existsSync(executablePath) && !process.env.CI)("the run's page in a browser (Debian's chromium)", () => {
  let folder: string;
  let context: BrowserContext;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "airlock-pages-"));
    context = await chromium.launchPersistentContext(folder, { executablePath, headless: true, args: flags.split(" ") });
  }, 60_000);
  afterAll(async () => {
    await context?.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** One server and one visitor; all that the page asks for and complains of is noted. */
  async function visit(options: { javaScript?: boolean } = {}) {
    const reader = new FakeReader();
    reader.put(makeRun());
    fillTranscript(reader);
    const closing = new AbortController();
    const faults: unknown[] = [];
    const serve = {
      reader,
      closing: closing.signal,
      health: async () => ({ ok: true }),
      onFault: (fault: unknown) => faults.push(fault),
    };
    const app = createPages({ ...serve, publicUrl: "http://127.0.0.1/", lingerMs: 50 });
    const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const page: Page = await context.newPage();
    if (options.javaScript === false) {
      const session = await context.newCDPSession(page);
      await session.send("Emulation.setScriptExecutionDisabled", { value: true });
    }
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.addInitScript({
      content:
        'document.addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.violatedDirective))',
    });
    await page.goto(`${origin}/runs/${key}`);
    return {
      reader,
      page,
      origin,
      asked,
      complaints,
      breakConnections: () => server.closeAllConnections(),
      async [Symbol.asyncDispose]() {
        closing.abort();
        await page.close();
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        expect(faults).toEqual([]);
      },
    };
  }

  it("sees the transcript grow, the state change and the diff arrive, without loading anew", async () => {
    await using visited = await visit();
    const { page, reader } = visited;
    await page.getByText("Live", { exact: true }).waitFor();
    reader.write(runId, { kind: "say", text: "A **new** thought" });
    await page.locator("#entries strong", { hasText: "new" }).waitFor();
    expect(await page.locator("#entries > li").count()).toBe(6);
    reader.put(
      makeRun({
        lastSeq: 6,
        patch: smallPatch,
        answer: "All done.",
        state: { at: "ended", words: "The work is in pull request #8", outcome: "succeeded" },
        pullRequest: { number: 8, url: "https://github.example/acme/shop/pull/8" },
      }),
    );
    await page.getByRole("heading", { name: "src/price.ts" }).waitFor();
    await page.getByRole("heading", { name: "The agent's answer" }).waitFor();
    expect(await page.title()).toBe("Succeeded · #7 Prices add up wrongly · Airlock");
    await vi.waitFor(() => expect(reader.following).toBe(0));
    expect(visited.asked.filter((url) => url.endsWith(`/runs/${key}`))).toHaveLength(1);
    expect(visited.complaints).toEqual([]);
  }, 30_000);

  it("[50][69] asks no other host for anything and breaks none of its own policy, whatever the agent writes", async () => {
    await using visited = await visit();
    const { page, reader } = visited;
    const hostile = [
      "<script>alert(1)</script><img src=https://evil.example/a.png onerror=alert(1)>",
      "![x](https://evil.example/b.png) [x](javascript:alert(1))",
      '"><style>@import "https://evil.example/c.css"</style><iframe src=https://evil.example>',
    ].join("\n\n");
    await page.getByText("Live", { exact: true }).waitFor();
    for (const kind of ["note", "say", "tool", "tool-result", "end"] as const)
      reader.write(runId, { kind, tool: hostile, text: hostile });
    reader.put(makeRun({ lastSeq: 10, answer: hostile, patch: smallPatch.replaceAll("cents", hostile.replaceAll("\n", " ")) }));
    await page.getByRole("heading", { name: "The agent's answer" }).waitFor();
    await page.locator("#e10").waitFor();
    await page.goto(`${visited.origin}/runs/${key}/diff`);
    await page.goto(`${visited.origin}/runs/${key}`);
    expect(visited.asked.filter((url) => !url.startsWith(`${visited.origin}/`))).toEqual([]);
    expect(visited.asked.some((url) => url.includes("/live?"))).toBe(true);
    expect(visited.complaints).toEqual([]);
    expect(await page.locator("#main script, #main img, #main iframe, #main style, #main form").count()).toBe(0);
  }, 30_000);

  it("would have noticed: the same markup in a page without our care breaks its policy", async () => {
    await using visited = await visit();
    await visited.page.evaluate('document.body.appendChild(document.createElement("img")).src = "https://evil.example/a.png"');
    await vi.waitFor(() => expect(visited.complaints.join()).toContain("policy: img-src"));
  }, 30_000);

  it("comes back by itself when the connection breaks, and misses nothing", async () => {
    await using visited = await visit();
    const { page, reader } = visited;
    await page.getByText("Live", { exact: true }).waitFor();
    visited.breakConnections();
    await vi.waitFor(() => expect(reader.following).toBe(0));
    reader.write(runId, { kind: "say", text: "said while away" });
    await page.getByText("said while away").waitFor();
    expect(await page.locator("#entries > li").count()).toBe(6);
    expect(visited.asked.filter((url) => url.endsWith(`/runs/${key}`))).toHaveLength(1);
  }, 30_000);

  it("is whole without JavaScript", async () => {
    await using visited = await visit({ javaScript: false });
    const { page } = visited;
    expect(await page.locator("#entries > li").count()).toBe(5);
    await page.getByRole("link", { name: "Refused 1" }).click();
    expect(await page.locator("#region-requests tbody tr").count()).toBe(1);
    expect(visited.asked.some((url) => url.includes("/live?"))).toBe(false);
  }, 30_000);

  it("fits a phone, and can be read by day and in the dark, in every state", async () => {
    await using visited = await visit();
    const { page, reader } = visited;
    await page.setViewportSize({ width: 360, height: 740 });
    const states = [
      { at: "queued", words: "Second in the queue" },
      { at: "working", words: "Claude Code is working" },
      { at: "held", words: "A person decides" },
      { at: "ended", words: "Done", outcome: "succeeded" },
      { at: "ended", words: "Not done", outcome: "failed", reason: "The model key was refused" },
    ];
    for (const state of states) {
      reader.put(makeRun({ lastSeq: 5, state, patch: smallPatch, answer: "> quoted\n\n`code`" }));
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.reload();
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
        const lowest = (await page.evaluate(contrastScript)) as { value: number; where: string };
        expect(lowest.value, `${state.words}, ${colorScheme}: ${lowest.where}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  }, 30_000);

  it("has one first heading, a caption in every table, and a skip link that the keyboard meets first", async () => {
    await using visited = await visit();
    const { page } = visited;
    expect(await page.locator("h1").count()).toBe(1);
    expect(await page.locator("table").count()).toBe(await page.locator("table > caption").count());
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to content");
  }, 30_000);
});
