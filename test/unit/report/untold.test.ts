import { expect, it } from "vitest";
import { Fault } from "../../../src/fault.ts";
import { findUntold } from "../../../src/report/untold.ts";
import { httpError } from "../../helpers/http-error.ts";

const fault = (code: string) => new Fault(code, "x", { remedy: "y" });

it.each([403, 404, 410, 422])("a report that GitHub refuses with %i is told as not told, with GitHub's sentence", (status) => {
  expect(findUntold("run's comment", httpError(status, { message: "The issue is locked." }), 0)).toBe(
    `The run's comment could not be written: GitHub answered ${status}, The issue is locked.`,
  );
});

it("one of an issue that was transferred is, once it is known that the repository was not", () => {
  expect(findUntold("label", fault("github.redirected"), 0)).toBeUndefined();
  expect(findUntold("label", fault("github.redirected"), 1)).toContain("somewhere else");
});

it("what passes, a dead token, a missing permission and a mistake of ours mean more than that", () => {
  for (const error of [
    httpError(502),
    httpError(undefined),
    httpError(403, { headers: { "retry-after": "60" } }),
    httpError(401),
    fault("grant.permission-missing"),
    fault("repository.moved"),
    new TypeError("x"),
  ])
    expect(findUntold("label", error, 5)).toBeUndefined();
});
