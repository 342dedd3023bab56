import { describe, expect, it } from "vitest";
import { isServedAccount } from "../../../src/settings/accounts.ts";

describe("served accounts", () => {
  it.each([
    [["acme"], { id: 1, login: "Acme" }, true],
    [["id:12"], { id: 12, login: "whoever" }, true],
    [["acme"], { id: 1, login: "acme-evil" }, false],
    [["id:12"], { id: 123, login: "id:12x" }, false],
    [["12"], { id: 12, login: "other" }, false],
    [[], { id: 1, login: "acme" }, false],
  ])("%j and %j: %s", (accounts, account, served) => {
    expect(isServedAccount(accounts, account)).toBe(served);
  });
});
