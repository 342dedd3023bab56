import { describe, expect, it } from "vitest";
import { mayUse } from "../../../src/trigger/accounts.ts";

describe("whose installations may run", () => {
  it("is told by exact id, or by the login in any case", () => {
    expect(mayUse(["id:42"], { id: 42, login: "acme" })).toBe(true);
    expect(mayUse(["acme"], { id: 7, login: "ACME" })).toBe(true);
  });

  it.each([
    ["nobody is named", []],
    ["a longer id contains it", ["id:142", "id:421", "id:4"]],
    ["a longer login contains it", ["acme-labs", "my-acme", "acm"]],
    ["the login is another's id", ["42"]],
    ["a wildcard is tried", ["*", ""]],
  ])("is nobody's where %s", (_, rules) => {
    expect(mayUse(rules, { id: 42, login: "acme" })).toBe(false);
  });
});
