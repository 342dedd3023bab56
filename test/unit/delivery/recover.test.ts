import { pino } from "pino";
import { describe, expect, it } from "vitest";
import type { LoggedDelivery, LogLine } from "../../../src/delivery/delivery-log.ts";
import { findProblem, recoverMissed, type Seen } from "../../../src/delivery/recover.ts";
import { openTestStore } from "../../helpers/store.ts";

const line: LogLine = {
  ...{ id: "3804004623172239366", guid: "g-1", event: "issues", action: "labeled" },
  ...{ installationId: "77", deliveredAtMs: 1 },
};
const found = (headers: object = {}, payload: object = {}): LoggedDelivery => ({
  headers: {
    "x-github-delivery": "g-1",
    "x-github-event": "issues",
    "x-github-hook-installation-target-id": "5",
    "x-github-hook-installation-target-type": "integration",
    ...headers,
  },
  payload: { action: "labeled", installation: { id: 77 }, ...payload },
});

describe("what GitHub's log tells of a delivery", () => {
  it("is taken where it is the line's own, for this App and installation", () => {
    expect(findProblem(line, found(), 5)).toBeUndefined();
    const all = { ...line, installationId: null };
    expect(findProblem(all, found({}, { installation: undefined }), 5)).toBeUndefined();
  });

  it.each<[string, object, object?]>([
    ["another delivery's id", { "x-github-delivery": "g-2" }],
    ["another event", { "x-github-event": "issue_comment" }],
    ["another App's hook", { "x-github-hook-installation-target-id": "55" }],
    ["a repository's hook", { "x-github-hook-installation-target-type": "repository" }],
    ["no target", { "x-github-hook-installation-target-id": undefined }],
    ["another action", {}, { action: "unlabeled" }],
    ["another installation", {}, { installation: { id: 78 } }],
    ["no installation", {}, { installation: undefined }],
  ])("is not taken with %s", (_, headers, payload) => {
    expect(findProblem(line, found(headers, payload), 5)).toBeTypeOf("string");
  });

  it("is not taken where GitHub keeps no payload", () => {
    expect(findProblem(line, undefined, 5)).toBeTypeOf("string");
  });
});

it("what GitHub keeps no payload of takes no place from what came after it, however much it is", async () => {
  await using store = await openTestStore();
  const lines = Array.from({ length: 503 }, (_, i) => ({ ...line, id: `${i}`, guid: `g-${i}`, deliveredAtMs: 1_000_000 + i }));
  const deliveries = {
    page: async () => ({ lines: lines.toReversed(), next: undefined, etag: "x" }),
    read: async (id: string) => (id === "502" ? found({ "x-github-delivery": "g-502" }) : undefined),
  };
  const handled: string[] = [];
  const parts = {
    ...{ db: store.db, queue: store.queue, deliveries, appId: 5, log: pino({ level: "silent" }), nowMs: () => 1_000_000 },
    handle: async (id: string) => void handled.push(id),
  };
  let seen: Seen = { untilMs: 0, etag: undefined, failures: new Map() };
  let passes = 0;
  for (let more = true; more && passes < 5; passes++) ({ more, seen } = await recoverMissed(parts, seen));
  expect([handled, passes]).toEqual([["g-502"], 2]);
});

it("what could not be had five times keeps nobody waiting, and is had an hour later, wherever the log is read from by then", async () => {
  await using store = await openTestStore();
  let nowMs = 1_000_000;
  let isDown = true;
  let lines = [{ ...line, id: "lost", guid: "g-lost", deliveredAtMs: nowMs }];
  const deliveries = {
    page: async () => ({ lines: lines.toReversed(), next: undefined, etag: `${lines.length}` }),
    read: async (id: string) => {
      if (id === "lost" && isDown) throw new Error("502");
      return found({ "x-github-delivery": `g-${id}` });
    },
  };
  const handled: string[] = [];
  const parts = {
    ...{ db: store.db, queue: store.queue, deliveries, appId: 5, log: pino({ level: "silent" }), nowMs: () => nowMs },
    handle: async (id: string) => void handled.push(id),
  };
  let seen: Seen = { untilMs: 0, etag: undefined, failures: new Map() };
  const pass = async () => {
    ({ seen } = await recoverMissed(parts, seen));
  };
  for (let i = 0; i < 5; i++) await expect(pass()).rejects.toThrow("502");
  lines = [...lines, { ...line, id: "next", guid: "g-next", deliveredAtMs: nowMs + 1 }];
  await pass();
  expect(handled).toEqual(["g-next"]);
  // An hour later it fails once more, and what came meanwhile does not wait for it.
  nowMs += 3_700_000;
  lines = [...lines, { ...line, id: "third", guid: "g-third", deliveredAtMs: nowMs }];
  await pass();
  expect(handled).toEqual(["g-next", "g-third"]);
  isDown = false;
  // GitHub's log is read from the last known one on, and the lost one lies below.
  lines = lines.slice(1);
  nowMs += 3_500_000;
  await pass();
  expect(handled).toEqual(["g-next", "g-third"]);
  nowMs += 200_000;
  await pass();
  expect(handled).toEqual(["g-next", "g-third", "g-lost"]);
  expect(seen.failures.size).toBe(0);
});
