import { describe, expect, it, vi } from "vitest";
import { createPages } from "../../../src/pages/pages.ts";
import { type Event, openEvents } from "./events.ts";
import { FakeReader, fillTranscript, key, makeRun, runId } from "./fake-reader.ts";

function setUp(options: { beatMs?: number; lingerMs?: number; limitStreams?: number } = {}) {
  const reader = new FakeReader();
  reader.put(makeRun());
  fillTranscript(reader);
  const closing = new AbortController();
  const faults: unknown[] = [];
  const app = createPages({
    reader,
    publicUrl: "https://airlock.example/",
    closing: closing.signal,
    health: async () => ({ ok: true }),
    onFault: (error) => faults.push(error),
    ...options,
  });
  const open = (after: string | number = 0, headers: Record<string, string> = {}) =>
    app.request(`/runs/${key}/live?after=${after}`, { headers });
  return { reader, closing, app, open, faults };
}

const isEntry = (seq: number) => (event: Event) => event.event === "entry" && event.id === String(seq);
const isRegion = (name: string) => (event: Event) => event.event === "region" && JSON.parse(event.data).name === name;

describe("a run's live stream", () => {
  it("is an unbuffered event stream", async () => {
    const { open } = setUp();
    const answer = await open();
    await using events = openEvents(answer);
    await events.until(isEntry(1));
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(answer.headers.get("x-accel-buffering")).toBe("no");
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it("sends what is there, then what is said, in order and once", async () => {
    const { reader, open } = setUp();
    await using events = openEvents(await open(3));
    const first = await events.until(isEntry(5));
    reader.write(runId, { kind: "say", text: "one more" });
    reader.write(runId, { kind: "say", text: "and another" });
    const later = await events.until(isEntry(7));
    expect([...first, ...later].filter((event) => event.event === "entry").map((event) => event.id)).toEqual([
      "4",
      "5",
      "6",
      "7",
    ]);
    expect(later.find(isEntry(6))?.data).toContain("one more");
  });

  it("goes on after the last event that a returning browser saw", async () => {
    const { open } = setUp();
    await using events = openEvents(await open(0, { "Last-Event-ID": "4" }));
    const seen = await events.until(isRegion("grants"));
    expect(seen.filter((event) => event.event === "entry").map((event) => event.id)).toEqual(["5"]);
  });

  it.each(["abc", "-1", "1e9", "99999999999999999999"])("takes a forged Last-Event-ID %s for none", async (id) => {
    const { open } = setUp();
    await using events = openEvents(await open(0, { "Last-Event-ID": id }));
    expect((await events.until(isEntry(1))).length).toBe(1);
  });

  it("sends a part of the page again only when it changed", async () => {
    const { reader, open } = setUp();
    await using events = openEvents(await open());
    await events.until(isRegion("grants"));
    reader.put(makeRun({ lastSeq: 5, state: { at: "publishing", words: "The work is being pushed" } }));
    const seen = await events.until(isRegion("state"));
    expect(JSON.parse(seen.find(isRegion("state"))?.data ?? "{}").html).toContain("The work is being pushed");
    expect(seen.some(isRegion("timeline"))).toBe(false);
  });

  it("[50] escapes what the agent wrote", async () => {
    const { reader, open } = setUp();
    reader.write(runId, {
      kind: "tool",
      tool: "<script>",
      text: "<img src=x onerror=alert(1)>\r\ndata: forged\r\n\r\nevent: region",
    });
    await using events = openEvents(await open(5));
    const [event] = await events.until(isEntry(6));
    expect(event?.data).not.toMatch(/<(script|img)/);
    expect(event?.data).toContain("data: forged");
  });

  it("keeps the filter of the page that it feeds", async () => {
    const { app } = setUp();
    await using events = openEvents(await app.request(`/runs/${key}/live?after=5&verdict=refused`));
    const seen = await events.until(isRegion("requests"));
    expect(seen.find(isRegion("requests"))?.data).not.toContain("git.run-repository");
  });

  it("beats while nothing happens", async () => {
    const { open } = setUp({ beatMs: 20 });
    const answer = await open(5);
    const body = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes(": beat")) text += (await body?.read())?.value ?? "";
    expect(text.startsWith("retry: 2000\n\n")).toBe(true);
    await body?.cancel();
  });

  it("tells the rest of an ended run, then that it is over", async () => {
    const { reader, open } = setUp({ lingerMs: 40 });
    await using events = openEvents(await open());
    await events.until(isEntry(5));
    reader.write(runId, { kind: "end", text: "last words" });
    reader.put(makeRun({ lastSeq: 6, state: { at: "ended", words: "Done", outcome: "no_changes" } }));
    const rest = await events.ended();
    expect(rest.some(isEntry(6))).toBe(true);
    expect(rest.at(-1)?.event).toBe("over");
    await vi.waitFor(() => expect(reader.following).toBe(0));
  });

  it("ends at shutdown and lets go of the run", async () => {
    const { reader, open, closing } = setUp();
    await using events = openEvents(await open());
    await events.until(isRegion("grants"));
    closing.abort();
    expect((await events.ended()).every((event) => event.event !== "over")).toBe(true);
    await vi.waitFor(() => expect(reader.following).toBe(0));
    expect((await open()).status).toBe(503);
  });

  it("lets go of the run when its visitor leaves", async () => {
    const { reader, open } = setUp();
    {
      await using events = openEvents(await open());
      await events.until(isRegion("grants"));
      expect(reader.following).toBe(1);
    }
    await vi.waitFor(() => expect(reader.following).toBe(0));
  });

  it("has room for a limited number of visitors, and for others once they left", async () => {
    const { reader, open } = setUp({ limitStreams: 1 });
    {
      await using events = openEvents(await open());
      await events.until(isEntry(1));
      expect((await open()).status).toBe(503);
    }
    await vi.waitFor(() => expect(reader.following).toBe(0));
    await using events = openEvents(await open());
    await events.until(isEntry(1));
  });

  it("ends without a word of the error when the store fails", async () => {
    const { reader, open, faults } = setUp();
    reader.transcript = async () => {
      throw new Error("password=hunter2");
    };
    await using events = openEvents(await open());
    expect(await events.ended()).toEqual([]);
    expect(faults).toHaveLength(1);
  });

  it("opens no stream for HEAD", async () => {
    const { reader, app } = setUp();
    const answer = await app.request(`/runs/${key}/live`, { method: "HEAD" });
    expect(answer.status).toBe(200);
    expect(reader.following).toBe(0);
  });
});
