import examples from "@octokit/webhooks-examples" with { type: "json" };
import { describe, expect, it } from "vitest";
import { mayAsk } from "../../../src/trigger/heard.ts";
import { parseTrigger } from "../../../src/trigger/parse.ts";
import { examplePayload } from "../../helpers/payloads.ts";

interface Example {
  name: string;
  examples: { action?: string }[];
}
const recorded = (examples as unknown as Example[]).flatMap(({ name, examples: all }) =>
  all.map((payload) => ({ event: name, action: payload.action ?? null, payload: { installation: { id: 77 }, ...payload } })),
);

describe("a line of GitHub's log", () => {
  it("is left out only where no delivery of its event and action can ask for anything", () => {
    expect(recorded.length).toBeGreaterThan(100);
    const lost = recorded.filter(
      ({ event, action, payload }) => !mayAsk(event, action) && parseTrigger(event, payload).kind !== "ignored",
    );
    expect(lost.map(({ event, action }) => `${event}.${action}`)).toEqual([]);
  });

  it.each([
    ["issues", "labeled", { label: { name: "agent" } }, "run"],
    ["issues", "edited", { changes: { body: { from: "x" } } }, "edit"],
    ["issue_comment", "created", { comment: { body: "/agent stop" } }, "stop"],
    ["pull_request", "synchronize", {}, "head"],
    ["check_run", "rerequested", {}, "rerun"],
    ["check_suite", "rerequested", {}, "rerun"],
    ["installation", "created", {}, "installed"],
    ["installation_repositories", "added", {}, "installed"],
    ["installation", "deleted", {}, "look"],
    ["installation", "suspend", {}, "look"],
    ["installation_repositories", "removed", {}, "look"],
    ["repository", "renamed", {}, "look"],
    ["repository", "transferred", {}, "look"],
  ] as const)("of %s.%s is read", (event, action, change, kind) => {
    const payload = examplePayload(event, action);
    for (const [part, fields] of Object.entries(change)) payload[part] = { ...payload[part], ...fields };
    if (payload.sender) payload.sender.type = "User";
    expect(parseTrigger(event, payload).kind).toBe(kind);
    expect(mayAsk(event, action)).toBe(true);
  });

  it("of our own reports is left out", () => {
    for (const [event, action] of [
      ["check_run", "created"],
      ["check_run", "completed"],
      ["issue_comment", "edited"],
      ["pull_request", "opened"],
      ["ping", null],
    ] as const)
      expect(mayAsk(event, action), `${event}.${action}`).toBe(false);
  });
});
