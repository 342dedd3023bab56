import { describe, expect, it } from "vitest";
import { cgiEnvironment, parseBackendRequest, parseCgiHead } from "../../../src/git/host/cgi.ts";
import { parseRunId } from "../../../src/run/identity.ts";

const run = parseRunId("abcdefghij234567");
if (!run) throw new Error("not a run");

describe("the CGI of git", () => {
  it("knows exactly the requests of smart HTTP", () => {
    expect(parseBackendRequest("GET", `/${run}.git/info/refs?service=git-upload-pack`)).toEqual({
      run,
      service: "git-upload-pack",
      part: "refs",
    });
    expect(parseBackendRequest("POST", `/${run}.git/git-receive-pack`)).toEqual({
      run,
      service: "git-receive-pack",
      part: "exchange",
    });
    for (const [method, target] of [
      ["POST", `/${run}.git/info/refs?service=git-upload-pack`],
      ["GET", `/${run}.git/git-upload-pack`],
      ["GET", `/${run}.git/info/refs`],
      ["GET", `/${run}.git/HEAD`],
      ["GET", `/${run}.git/info/refs?service=git-upload-pack\n`],
      ["GET", `/../${run}.git/info/refs?service=git-upload-pack`],
      ["POST", `/${run}.git/git-upload-archive`],
    ] as const) {
      expect(parseBackendRequest(method, target), target).toBeUndefined();
    }
  });

  it("gives git a fixed environment", () => {
    const environment = cgiEnvironment({
      folder: "/x",
      request: { run, service: "git-upload-pack", part: "refs" },
      protocolV2: false,
    });
    expect(environment.GIT_PROTOCOL).toBeUndefined();
    expect(environment.PATH_INFO).toBe(`/${run}.git/info/refs`);
    expect(Object.keys(environment).some((name) => name.startsWith("HTTP_"))).toBe(false);
  });

  it("reads an answer's head, and only headers that matter", () => {
    const head = parseCgiHead(Buffer.from("Status: 404 Not Found\r\nContent-Type: text/plain\r\nSet-Cookie: x\r\n\r\nbody"));
    expect(head).toEqual({ status: 404, headers: { "content-type": "text/plain" }, bodyAt: 66 });
    expect(parseCgiHead(Buffer.from("Status: 2"))).toBe("more");
    expect(parseCgiHead(Buffer.from("Status: 999\r\n\r\n"))).toBeUndefined();
    expect(parseCgiHead(Buffer.alloc(20_000, "x"))).toBeUndefined();
  });
});
