import { describe, expect, it } from "vitest";
import { type Deed, decideLook, type Found } from "../../../src/trigger/look.ts";

const look = (deed: Deed, found: Found) => decideLook({ deed, by: "alice", repository: "acme/shop", found });
const here: Found = { is: "here", archived: false };
const refused = (code: string): Found => ({ is: "refused", code, words: "GitHub's side of it", remedy: "Do that" });

describe("the runs of a repository to which something was done", () => {
  it.each<[Deed, Found, RegExp]>([
    ["deleted", refused("grant.repository-gone"), /^alice deleted the repository acme\/shop\.$/],
    ["removed", refused("grant.repository-gone"), /^alice took acme\/shop out of the App's installation\.$/],
    ["transferred", refused("grant.repository-gone"), /^alice transferred acme\/shop/],
    ["uninstalled", refused("grant.uninstalled"), /^alice took the App away from acme\.$/],
    ["suspended", refused("grant.suspended"), /^alice suspended the App's installation for acme\.$/],
    ["archived", { is: "here", archived: true }, /^alice archived acme\/shop/],
  ])("(%s) end, and it is told who did it and where the work is", (deed, found, words) => {
    const reason = look(deed, found);
    expect(reason?.words).toMatch(words);
    expect(reason?.remedy).toMatch(/is kept on the run's page\.$/);
  });

  it("go on where GitHub says that all is well: the delivery was late, or the deed was taken back", () => {
    for (const deed of ["renamed", "transferred", "archived", "deleted", "removed", "uninstalled", "suspended"] as const)
      expect(look(deed, here), deed).toBeUndefined();
  });

  it("end with GitHub's reason where the deed does not explain it: nobody is blamed for what another did", () => {
    for (const [deed, code] of [
      ["suspended", "grant.repository-gone"],
      ["removed", "grant.suspended"],
      ["renamed", "grant.uninstalled"],
    ] as const) {
      expect(look(deed, refused(code)), deed).toMatchObject({ code, words: "GitHub's side of it." });
      expect(JSON.stringify(look(deed, refused(code)))).not.toContain("alice");
    }
    expect(look("removed", { is: "here", archived: true })?.words).toMatch(/^Somebody archived/);
  });
});
