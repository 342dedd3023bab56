import { describe, expect, it } from "vitest";
import { duties } from "../../../src/github/duty.ts";
import { decideRefusedMint, type SeenInstallation } from "../../../src/github/refused-mint.ts";

const url = "https://github.com/organizations/acme/settings/installations/77";
const installation: SeenInstallation = { permissions: { contents: "write", checks: "read" }, url, suspended: false };
const refused = (of: Partial<Parameters<typeof decideRefusedMint>[0]>) =>
  decideRefusedMint({ status: 422, message: "No", repository: "acme/shop", permissions: duties.fetcher, installation, ...of });

describe("a token that GitHub does not give", () => {
  it("because the App was taken away says so, and how it comes back", () => {
    expect(refused({ status: 404, installation: undefined })).toMatchObject({
      code: "grant.uninstalled",
      words: expect.stringContaining("not installed for acme any more"),
      remedy: expect.stringContaining("install it again"),
    });
  });

  it("because the installation is suspended names who did that, and where it is lifted", () => {
    expect(refused({ status: 403, installation: { ...installation, suspended: true, suspendedBy: "alice" } })).toMatchObject({
      code: "grant.suspended",
      words: expect.stringMatching(/^alice suspended the App's installation for acme/),
      remedy: expect.stringContaining(url),
    });
    expect(refused({ status: 403, installation: { ...installation, suspended: true } }).words).toMatch(/^Somebody suspended/);
  });

  it("because a permission is missing names that, and where it is granted", () => {
    expect(refused({ permissions: duties.reporter })).toMatchObject({
      code: "grant.permission-missing",
      words: expect.stringContaining("Checks: read and write"),
      remedy: expect.stringContaining(url),
    });
  });

  it("because the repository is out of reach names what may have happened to it", () => {
    expect(refused({})).toMatchObject({
      code: "grant.repository-gone",
      words: expect.stringMatching(/acme\/shop any more: the repository was deleted, or transferred .* or taken out/),
      remedy: expect.stringContaining(url),
    });
  });

  it("for any other reason has GitHub's own words", () => {
    expect(refused({ status: 403 })).toMatchObject({ code: "grant.refused", words: expect.stringContaining("acme/shop: No") });
  });
});
