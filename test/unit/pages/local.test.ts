import { describe, expect, it, vi } from "vitest";
import { createLocal, type RunLine } from "../../../src/pages/local.ts";
import type { RunView, TranscriptEntry } from "../../../src/pages/view.ts";
import type { RunId } from "../../../src/run/identity.ts";
import { FakeReader, fillTranscript, key, makeRun, runId } from "./fake-reader.ts";

const other = "abcdzzzzzzzzzzzz" as RunId;

interface Answer {
  runs: RunLine[];
  run: RunView & { url: string };
}

function setUp() {
  const reader = new FakeReader();
  reader.put(makeRun());
  fillTranscript(reader);
  reader.put(
    makeRun({ id: other, pageKey: "f".repeat(32), state: { at: "ended", words: "Done", outcome: "succeeded" }, lastSeq: 0 }),
  );
  const closing = new AbortController();
  const app = createLocal({
    reader,
    filer: reader,
    publicUrl: "https://airlock.example/base/",
    closing: closing.signal,
    health: async () => ({ ok: true }),
  });
  return { reader, closing, app, get: async (path: string) => (await (await app.request(path)).json()) as Answer };
}

const parse = (text: string): TranscriptEntry[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe("the local socket", () => {
  it("lists runs, newest first, with their pages", async () => {
    const { get } = setUp();
    const { runs } = await get("/runs");
    expect(runs).toEqual([
      {
        id: other,
        repository: "acme/shop",
        subject: "issue #7",
        state: "ended",
        outcome: "succeeded",
        requester: "maria",
        createdAtMs: 1_780_000_000_000,
        url: `https://airlock.example/base/runs/${"f".repeat(32)}`,
      },
      expect.objectContaining({ id: runId, state: "working", url: `https://airlock.example/base/runs/${key}` }),
    ]);
    expect((await get("/runs?limit=1")).runs).toHaveLength(1);
    expect((await get("/runs?limit=x")).runs).toHaveLength(2);
  });

  it("finds a run by its id and by a beginning that no other shares", async () => {
    const { get } = setUp();
    expect((await get(`/runs/${runId}`)).run.id).toBe(runId);
    expect((await get("/runs/abcde")).run).toMatchObject({ id: runId, url: `https://airlock.example/base/runs/${key}` });
  });

  it("does not guess between two runs, nor finds what is not there", async () => {
    const { app } = setUp();
    const two = await app.request("/runs/abcd");
    expect(two.status).toBe(409);
    expect(await two.json()).toEqual({ ok: false, error: "Several runs begin with abcd. Give more of the id." });
    for (const id of ["zzzz", "ABCD", "a%2Fb", "x".repeat(40)]) {
      const answer = await app.request(`/runs/${id}`);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ ok: false });
    }
  });

  it("prints the transcript, one object a line, and may begin later", async () => {
    const { app } = setUp();
    const answer = await app.request(`/runs/${runId}/logs`);
    expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
    expect(parse(await answer.text()).map((entry) => entry.seq)).toEqual([1, 2, 3, 4, 5]);
    expect(parse(await (await app.request(`/runs/${runId}/logs?after=3`)).text()).map((entry) => entry.seq)).toEqual([4, 5]);
  });

  it("follows a run to its end", async () => {
    const { reader, app } = setUp();
    const answer = await app.request(`/runs/${runId}/logs?follow=1&after=5`);
    const text = answer.text();
    await vi.waitFor(() => expect(reader.following).toBe(1));
    reader.write(runId, { kind: "say", text: "nearly" });
    reader.write(runId, { kind: "end", text: "done" });
    reader.put(makeRun({ lastSeq: 7, state: { at: "ended", words: "Done" } }));
    expect(parse(await text).map((entry) => entry.text)).toEqual(["nearly", "done"]);
    await vi.waitFor(() => expect(reader.following).toBe(0));
  });

  it("stops following at shutdown", async () => {
    const { reader, app, closing } = setUp();
    const text = (await app.request(`/runs/${runId}/logs?follow=1`)).text();
    await vi.waitFor(() => expect(reader.following).toBe(1));
    closing.abort();
    expect(parse(await text)).toHaveLength(5);
    expect((await app.request("/healthz")).status).toBe(503);
  });

  it("files a cancellation, once the run can be cancelled", async () => {
    const { reader, app } = setUp();
    const filed = await app.request("/runs/abcde/cancel?by=ops", { method: "POST" });
    expect(await filed.json()).toEqual({ ok: true });
    expect(reader.cancelled).toEqual([{ run: runId, name: "ops" }]);
    const ended = await app.request(`/runs/${other}/cancel`, { method: "POST" });
    expect(ended.status).toBe(409);
    expect(await ended.json()).toMatchObject({ ok: false, error: expect.stringContaining("ended already") });
    expect((await app.request(`/runs/${runId}/cancel`)).status).toBe(404);
  });

  it("answers in JSON when the store is away", async () => {
    const { reader, app } = setUp();
    reader.listRuns = async () => {
      throw new Error("away");
    };
    const answer = await app.request("/runs");
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ ok: false });
  });
});
