import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseEndMark } from "../../../src/report/end-mark.ts";
import { parseTrigger, type Trigger } from "../../../src/trigger/parse.ts";

const events = [
  "issues",
  "issue_comment",
  "pull_request",
  "check_run",
  "check_suite",
  "installation",
  "installation_repositories",
  "push",
];

/** A payload with holes: what is missing or of another kind must be a reason to do nothing, never a fault and never a run. */
const odd = fc.oneof(
  fc.anything({ maxDepth: 3 }),
  fc.string({ unit: "binary" }),
  fc.constantFrom(0, -1, 2 ** 60, "", null, [], {}),
);
const person = fc.record({ id: odd, login: odd, type: odd }, { requiredKeys: [] });
const payload = fc.record(
  {
    action: fc.oneof(odd, fc.constantFrom("labeled", "unlabeled", "created", "edited", "closed", "rerequested", "deleted")),
    issue: fc.oneof(
      odd,
      fc.record({ number: odd, title: odd, body: odd, user: person, updated_at: odd, pull_request: odd }, { requiredKeys: [] }),
    ),
    label: fc.oneof(odd, fc.constant({ name: "agent" })),
    comment: fc.oneof(odd, fc.record({ id: odd, body: odd, user: person }, { requiredKeys: [] })),
    repository: fc.oneof(odd, fc.record({ id: odd, name: odd, owner: person }, { requiredKeys: [] })),
    installation: fc.oneof(odd, fc.record({ id: odd }, { requiredKeys: [] })),
    sender: fc.oneof(odd, person),
  },
  { requiredKeys: [] },
);

const isGitHubId = (id: number) => Number.isSafeInteger(id) && id > 0;
const placeOf = (trigger: Extract<Trigger, { kind: "look" | "installed" }>) => {
  if (trigger.kind === "installed") return trigger.installationId;
  return "repositoryId" in trigger.at ? trigger.at.repositoryId : trigger.at.installationId;
};

describe("a payload that is not what GitHub sends", () => {
  it("is read without a fault, and asks for no run", () => {
    fc.assert(
      fc.property(fc.constantFrom(...events), fc.oneof(payload, odd), (event, given) => {
        const trigger = parseTrigger(event, given);
        // A run or a stop names a repository, a person and a place by GitHub's own numbers; noise has none of that.
        // One number is enough to look after an installation, or to note it: it must be one that GitHub could give.
        if (trigger.kind === "look" || trigger.kind === "installed") expect(placeOf(trigger)).toSatisfy(isGitHubId);
        else expect(trigger.kind).toBe("ignored");
      }),
      { numRuns: 5_000 },
    );
  });

  it("is read without a fault where it imitates our own mark of an end", () => {
    const text = fc
      .tuple(fc.constantFrom("", "<!-- airlock:end=", "<!-- airlock:end=succeeded pull="), fc.string({ unit: "binary" }))
      .map(([a, b]) => a + b);
    fc.assert(
      fc.property(text, (body) => {
        expect(parseEndMark(body)).toEqual(parseEndMark(body));
      }),
    );
  });
});
