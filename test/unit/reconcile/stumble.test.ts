import { describe, expect, it } from "vitest";
import { Fault } from "../../../src/fault.ts";
import { Paced } from "../../../src/github/throttle.ts";
import { decideStumble } from "../../../src/reconcile/stumble.ts";
import type { Place } from "../../../src/run/state.ts";
import { httpError } from "../../helpers/http-error.ts";

const fault = (code: string) => new Fault(code, "What happened", { remedy: "What to do" });
const at = (tries: number, place: Place = "preparing") => ({ place, tries, nowMs: 0 });

it("a sandbox that dies under its checks is made anew, a few times", () => {
  const seen = (tries: number) => ({ place: "sealing" as const, tries, nowMs: 0 });
  expect(decideStumble(fault("sandbox.died"), seen(0))).toMatchObject({ is: "again" });
  expect(decideStumble(fault("sandbox.died"), seen(3))).toMatchObject({ is: "again" });
  expect(decideStumble(fault("sandbox.died"), seen(4))).toMatchObject({ is: "give-up", reason: { code: "sandbox.died" } });
});

describe("a step that failed", () => {
  it.each<[string, unknown]>([
    ["no answer", httpError(undefined)],
    ["502", httpError(502)],
    ["a rate limit", httpError(429)],
    ["GitHub away", fault("github.away")],
    ["the engine away", fault("engine.away")],
    ["a helper process away", fault("daemon.away")],
  ])("because of %s is tried again for a day", (_, error) => {
    expect(decideStumble(error, at(0))).toEqual({ is: "again", afterMs: 500 });
    expect(decideStumble(error, at(3))).toEqual({ is: "again", afterMs: 4_000 });
    expect(decideStumble(error, at(9))).toMatchObject({ is: "again", afterMs: 60_000 });
    let waitedMs = 0;
    for (let tries = 0; ; tries++) {
      const stumble = decideStumble(error, at(tries));
      if (stumble.is !== "again") {
        expect(stumble.is).toBe("give-up");
        break;
      }
      waitedMs += stumble.afterMs;
    }
    expect(waitedMs / 3_600_000).toBeCloseTo(24, 0);
  });

  it.each<[string, unknown, string]>([
    ["a missing permission", fault("grant.permission-missing"), "grant.permission-missing"],
    ["a refusal of GitHub's", httpError(403), "github.refused"],
    ["what is not there", httpError(404), "github.refused"],
  ])("because of %s is given up at once, and says why", (_, error, code) => {
    expect(decideStumble(error, at(0))).toMatchObject({ is: "give-up", reason: { code, remedy: expect.stringMatching(/./) } });
  });

  it.each<[string, unknown, string]>([
    ["a token that died", httpError(401), "github.token-refused"],
    ["a name that was given up", fault("github.redirected"), "github.redirected"],
  ])("because of %s is tried with another one, a few times", (_, error, code) => {
    expect([0, 1, 2].map((tries) => decideStumble(error, at(tries)).is)).toEqual(["again", "again", "again"]);
    expect(decideStumble(error, at(3))).toMatchObject({ is: "give-up", reason: { code } });
  });

  it("because the repository has moved goes on where it is", () => {
    expect(decideStumble(fault("repository.moved"), at(0))).toEqual({ is: "again", afterMs: 500 });
  });

  it("because the App reaches nothing any more says where the work is, in whole sentences", () => {
    expect(decideStumble(fault("grant.suspended"), at(0))).toMatchObject({
      reason: { words: "What happened.", remedy: "What to do. What the agent has made by then is kept on the run's page." },
    });
    expect(decideStumble(fault("branch.taken"), at(0))).toMatchObject({ reason: { remedy: "What to do." } });
  });

  it("for an unforeseen reason is tried twice more, then given up without its text, which may hold anything", () => {
    const error = new Error("token ghs_secret in /var/lib");
    expect([0, 1, 2].map((tries) => decideStumble(error, at(tries)).is)).toEqual(["again", "again", "give-up"]);
    expect(JSON.stringify(decideStumble(error, at(2)))).not.toContain("ghs_secret");
    expect(decideStumble(undefined, at(2))).toMatchObject({ is: "give-up", reason: { code: "airlock.internal" } });
  });

  it("of a run that somebody else holds is left to that one", () => {
    for (const place of ["preparing", "closing"] as const)
      expect(decideStumble(fault("run.lost"), at(99, place))).toEqual({ is: "leave" });
  });

  it("of a run that closes is tried until it works: there is nothing to give up to", () => {
    for (const error of [httpError(404), fault("x"), new Error("x")])
      expect(decideStumble(error, at(1_000, "closing"))).toEqual({ is: "again", afterMs: 60_000 });
  });

  it("waits as long as GitHub asks, within the hour", () => {
    const limited = (seconds: string) => httpError(403, { headers: { "retry-after": seconds } });
    expect(decideStumble(limited("120"), at(0))).toEqual({ is: "again", afterMs: 120_000 });
    expect(decideStumble(limited("999999999"), at(0))).toEqual({ is: "again", afterMs: 3_600_000 });
    // And as long as our own pace does.
    expect(decideStumble(new Paced(40_000), at(0))).toEqual({ is: "again", afterMs: 40_000 });
  });

  it("and whose token could not be revoked either is judged by the first of the two errors", () => {
    const both = new SuppressedError(httpError(502), fault("grant.permission-missing"));
    expect(decideStumble(both, at(0))).toMatchObject({ is: "give-up", reason: { code: "grant.permission-missing" } });
    expect(decideStumble(new SuppressedError(httpError(502), fault("github.away")), at(5)).is).toBe("again");
    expect(decideStumble(new SuppressedError(httpError(502), fault("run.lost")), at(5)).is).toBe("leave");
  });
});

describe("an engine that went away", () => {
  it("is waited for, whatever step met it", () => {
    for (const error of [
      Object.assign(new Error("connect"), { code: "ECONNREFUSED" }),
      Object.assign(new Error("connect"), { code: "ENOENT", syscall: "connect" }),
    ])
      expect(decideStumble(error, { place: "sealing", tries: 5, nowMs: 0 }).is).toBe("again");
    expect(
      decideStumble(Object.assign(new Error("open"), { code: "ENOENT", syscall: "open" }), {
        place: "sealing",
        tries: 5,
        nowMs: 0,
      }).is,
    ).toBe("give-up");
  });
});
