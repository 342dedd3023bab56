import { describe, expect, it } from "vitest";
import { Fault } from "../../../src/fault.ts";
import { isPassing, messageOf, pauseMsOf, retryAfterMsOf, statusOf } from "../../../src/github/api.ts";
import { httpError } from "../../helpers/http-error.ts";

const secondary = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";
const fault = (code: string) => new Fault(code, "x", { remedy: "y" });

describe("a failed call", () => {
  it.each<[string, unknown]>([
    ["no answer", httpError(undefined)],
    ["502", httpError(502)],
    ["429", httpError(429)],
    ["a secondary limit", httpError(403, { headers: { "retry-after": "60" } })],
    ["a used-up limit", httpError(403, { headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" } })],
    ["a secondary limit that says nothing but its page", httpError(403, { data: { documentation_url: secondary } })],
    ["GitHub away", fault("github.away")],
    ["too much asked for this hour", fault("github.paced")],
    ["a repository that has moved", fault("repository.moved")],
  ])("may be tried again after %s", (_, error) => {
    expect(isPassing(error)).toBe(true);
  });

  it.each<[string, unknown]>([
    ["401", httpError(401)],
    ["403", httpError(403)],
    ["403 with calls left", httpError(403, { headers: { "x-ratelimit-remaining": "10" } })],
    ["404", httpError(404)],
    ["422", httpError(422)],
    ["a missing permission", fault("grant.permission-missing")],
    ["a redirect", fault("github.redirected")],
    ["a mistake of ours", new TypeError("x is not a function")],
    ["something thrown that is no error", "x"],
  ])("is not better later after %s", (_, error) => {
    expect(isPassing(error)).toBe(false);
  });

  it("tells its status only where an answer came", () => {
    expect(statusOf(httpError(404))).toBe(404);
    expect(statusOf(httpError(undefined))).toBeUndefined();
    expect(statusOf(new Error("404"))).toBeUndefined();
  });

  it("tells how long to wait where GitHub says so", () => {
    expect(retryAfterMsOf(httpError(403, { headers: { "retry-after": "90" } }), 0)).toBe(90_000);
    expect(retryAfterMsOf(httpError(403, { headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "70" } }), 10_000)).toBe(
      60_000,
    );
    expect(retryAfterMsOf(httpError(429, { headers: { "retry-after": "soon" } }), 0)).toBe(0);
    expect(retryAfterMsOf(httpError(429, { headers: { "retry-after": "-5" } }), 0)).toBe(0);
    expect(retryAfterMsOf(httpError(502), 0)).toBe(0);
    expect(retryAfterMsOf(new Error("x"), 0)).toBe(0);
  });

  it("has everybody wait for a secondary limit, at least a minute where GitHub does not say how long, and for no installation's own", () => {
    expect(pauseMsOf(httpError(403, { headers: { "retry-after": "90" } }))).toBe(90_000);
    expect(pauseMsOf(httpError(429, { headers: { "retry-after": "5" } }))).toBe(5_000);
    expect(pauseMsOf(httpError(403, { data: { documentation_url: secondary } }))).toBe(60_000);
    expect(retryAfterMsOf(httpError(403, { data: { documentation_url: secondary } }), 0)).toBe(60_000);
    expect(pauseMsOf(httpError(403, { headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "70" } }))).toBe(0);
    for (const error of [httpError(403), httpError(503, { headers: { "retry-after": "5" } }), httpError(undefined)])
      expect(pauseMsOf(error)).toBe(0);
  });

  it("tells GitHub's own sentence to people", () => {
    expect(
      messageOf(httpError(422, { message: "Validation Failed - https://docs", data: { message: "Validation Failed" } })),
    ).toBe("Validation Failed");
    expect(messageOf(new Error("x"))).toBe("x");
    expect(messageOf("x")).toBe("x");
    expect(messageOf(undefined)).toBe("undefined");
  });
});
