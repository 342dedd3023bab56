import { describe, expect, it } from "vitest";
import { isElsewhere, readHome } from "../../../src/run/home.ts";

const at = { repositoryId: 500, installationId: 77 };
const told = { id: 500, name: "store", owner: { id: 1, login: "acme" } };

describe("where a repository is", () => {
  it("is told by its id, and by no name", () => {
    const stranger = { id: 501, name: "shop", owner: { id: 2, login: "mallory" } };
    expect(readHome([stranger, told], at)?.home).toEqual({ ...at, accountId: 1, owner: "acme", name: "store" });
    expect(readHome([stranger], at)).toBeUndefined();
    expect(readHome(undefined, at)).toBeUndefined();
  });

  it("is elsewhere than was believed where name, owner or installation is another", () => {
    const home = { ...at, accountId: 1, owner: "acme", name: "store" };
    expect(isElsewhere(home, { installationId: 77, repository: "acme/store" })).toBe(false);
    for (const believed of [
      { installationId: 77, repository: "acme/shop" },
      { installationId: 77, repository: "acmecorp/store" },
      { installationId: 78, repository: "acme/store" },
    ])
      expect(isElsewhere(home, believed), JSON.stringify(believed)).toBe(true);
  });
});
