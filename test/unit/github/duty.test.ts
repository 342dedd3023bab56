import { describe, expect, it } from "vitest";
import { duties, missingPermissions } from "../../../src/github/duty.ts";

describe("the permissions that a duty lacks", () => {
  it("are none where all are held, or more", () => {
    expect(missingPermissions(duties.reporter, { checks: "write", issues: "write", pull_requests: "admin" })).toEqual([]);
    expect(missingPermissions(duties.fetcher, { contents: "write" })).toEqual([]);
  });

  it("are named as GitHub's settings name them", () => {
    expect(missingPermissions(duties.reporter, { checks: "read", issues: "write" })).toEqual([
      "Checks: read and write",
      "Pull requests: read and write",
    ]);
    expect(missingPermissions(duties.fetcher, {})).toEqual(["Contents: read-only"]);
  });

  it("count an unknown level as none", () => {
    expect(missingPermissions(duties.fetcher, { contents: "maintain" })).toEqual(["Contents: read-only"]);
  });

  it("never ask for more than the work takes: workflows, administration, members, secrets", () => {
    // Only where an operator has granted it, and a person has released a change of workflow files.
    const { publisherOfWorkflows, reader, ...others } = duties;
    expect(publisherOfWorkflows).toEqual({ ...duties.publisher, workflows: "write" });
    const all = Object.values(others).flatMap((duty) => Object.keys(duty));
    // The gateway's token reads workflow logs too, and writes nothing.
    expect(new Set(Object.values(reader))).toEqual(new Set(["read"]));
    expect(Object.keys(reader).sort()).toEqual(["actions", "checks", "contents", "issues", "pull_requests"]);
    expect([...new Set(all)].sort()).toEqual(["checks", "contents", "issues", "metadata", "pull_requests"]);
  });
});
