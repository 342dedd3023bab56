import { describe, expect, it } from "vitest";
import type { LoggedDelivery, LogLine } from "../../../src/delivery/delivery-log.ts";
import { findProblem } from "../../../src/delivery/recover.ts";

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
