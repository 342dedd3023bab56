import recorded from "@octokit/webhooks-examples" with { type: "json" };
import { describe, expect, it } from "vitest";
import { operationIds } from "../../../../scripts/openapi-selection.ts";
import { routes } from "../../../../src/local/github/api.ts";
import { loadContract } from "../../../../src/local/github/contract.ts";

const contract = loadContract();
/** The package's types describe it as CommonJS; what is imported is the list itself. */
const examples = recorded as unknown as { name: string; examples: { action?: string }[] }[];

function operation(method: string, path: string) {
  const found = contract.match(method, path);
  if (found === undefined) throw new Error(`no operation for ${method} ${path}`);
  return found;
}

describe("GitHub's description, as the local GitHub keeps it", () => {
  it("holds exactly the operations that have a handler", () => {
    expect(contract.operationIds().sort()).toEqual(Object.keys(routes).sort());
    expect([...operationIds].sort()).toEqual(Object.keys(routes).sort());
  });

  it.each([
    ["GET", "/repos/acme/shop/issues/comments", "issues/list-comments-for-repo", { owner: "acme", repo: "shop" }],
    ["GET", "/repos/acme/shop/issues/7", "issues/get", { owner: "acme", repo: "shop", issue_number: "7" }],
    [
      "GET",
      "/repos/acme/shop/commits/agent/issue-1/check-runs",
      "checks/list-for-ref",
      { owner: "acme", repo: "shop", ref: "agent/issue-1" },
    ],
    [
      "GET",
      "/repos/acme/shop/git/ref/heads%2Fagent%2Fissue-1",
      "git/get-ref",
      { owner: "acme", repo: "shop", ref: "heads/agent/issue-1" },
    ],
    ["GET", "/repos/acme/shop/contents/src/a%20b.js", "repos/get-content", { owner: "acme", repo: "shop", path: "src/a b.js" }],
    [
      "DELETE",
      "/repos/acme/shop/issues/7/labels/agent%3A%20working",
      "issues/remove-label",
      { owner: "acme", repo: "shop", issue_number: "7", name: "agent: working" },
    ],
  ])("finds %s %s", (method, path, id, params) => {
    const found = operation(method, path);
    expect(found.operation.id).toBe(id);
    expect(found.params).toEqual(params);
  });

  it("knows no path that GitHub (as trimmed) lacks", () => {
    expect(contract.match("GET", "/repos/acme/shop/secrets")).toBeUndefined();
    expect(contract.match("PUT", "/app")).toBeUndefined();
  });

  it("names the field that is missing or wrong in a body", () => {
    const { operation: create } = operation("POST", "/repos/acme/shop/check-runs");
    expect(contract.problemOfBody(create, { name: "x", head_sha: "y" })).toBeUndefined();
    expect(contract.problemOfBody(create, { name: "x" })).toEqual({ field: "head_sha", message: "is missing" });
    expect(contract.problemOfBody(create, { name: "x", head_sha: "y", output: { title: "t" } })?.field).toBe("output.summary");
    const long = { title: "t", summary: "s".repeat(65_536) };
    expect(contract.problemOfBody(create, { name: "x", head_sha: "y", output: long })?.field).toBe("output.summary");
  });

  it("gives parameters their types, and refuses those that have none", () => {
    const { operation: get } = operation("GET", "/repos/acme/shop/issues/7");
    const params: Record<string, unknown> = { owner: "acme", repo: "shop", issue_number: "7" };
    expect(contract.problemOfParams(get, params)).toBeUndefined();
    expect(params.issue_number).toBe(7);
    expect(contract.problemOfParams(get, { ...params, issue_number: "seven" })?.field).toBe("issue_number");
  });

  it("sees an answer that GitHub would not give", () => {
    const { operation: get } = operation("GET", "/repos/acme/shop/issues/comments/1");
    expect(contract.problemOfResponse(get, 200, { id: 1 })).toMatchObject({ message: "is missing" });
    expect(contract.problemOfResponse(get, 203, {})).toMatchObject({ message: "status 203 is not described" });
    const { operation: revoke } = operation("DELETE", "/installation/token");
    expect(contract.problemOfResponse(revoke, 204, undefined)).toBeUndefined();
  });

  it("takes the webhooks that GitHub was recorded to send", () => {
    const taken = (name: string): number =>
      examples
        .flatMap((webhook) =>
          webhook.examples.map((payload) => ({
            payload,
            name: payload.action ? `${webhook.name}.${payload.action}` : webhook.name,
          })),
        )
        .filter((one) => one.name === name && contract.problemOfWebhook(name, one.payload) === undefined).length;
    for (const name of ["issues.labeled", "issue_comment.created", "check_run.requested_action", "pull_request.opened"])
      expect(taken(name), name).toBeGreaterThan(0);
    expect(contract.problemOfWebhook("issues.labeled", { action: "labeled" })).toMatchObject({ message: "is missing" });
  });
});
