import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findHttpFault } from "../../../src/gateway/strict.ts";

const fault = (method: string, target: string, rawHeaders: string[], httpVersion = "1.1") =>
  findHttpFault({ method, target, httpVersion, rawHeaders })?.rule;

describe("findHttpFault", () => {
  it("passes ordinary requests", () => {
    expect(
      fault("GET", "/x?y=z", ["Host", "a", "Accept", "*/*", "Connection", "keep-alive", "Content-Length", "0"]),
    ).toBeUndefined();
    expect(fault("POST", "/x", ["host", "a", "Transfer-Encoding", "chunked"])).toBeUndefined();
    expect(fault("POST", "/x", ["host", "a", "content-length", "12"])).toBeUndefined();
  });

  it("[11] names what is odd", () => {
    const cases: [string, string, string, string[], string?][] = [
      ["http.version", "GET", "/", ["Host", "a"], "1.0"],
      ["http.host", "GET", "/", []],
      ["http.host", "GET", "/", ["Host", "a", "hOST", "a"]],
      ["http.target", "GET", "http://a/", ["Host", "a"]],
      ["http.target", "OPTIONS", "*", ["Host", "a"]],
      ["http.target", "GET", "/#x", ["Host", "a"]],
      ["http.target", "GET", "/ä", ["Host", "a"]],
      ["http.header-twice", "GET", "/", ["Host", "a", "X", "1", "x", "2"]],
      ["http.header-name", "GET", "/", ["Host", "a", "X_Y", "1"]],
      ["http.framing", "POST", "/", ["Host", "a", "Transfer-Encoding", "Chunked"]],
      ["http.framing", "POST", "/", ["Host", "a", "Transfer-Encoding", "chunked", "Content-Length", "3"]],
      ["http.framing", "POST", "/", ["Host", "a", "Content-Length", "03"]],
      ["http.body", "GET", "/", ["Host", "a", "Content-Length", "3"]],
      ["http.body", "DELETE", "/", ["Host", "a", "Transfer-Encoding", "chunked"]],
      ["http.upgrade", "GET", "/", ["Host", "a", "Upgrade", "h2c"]],
      ["http.expect", "POST", "/", ["Host", "a", "Expect", "100-continue"]],
      ["http.trailer", "POST", "/", ["Host", "a", "Trailer", "x"]],
      ["http.te", "GET", "/", ["Host", "a", "TE", "trailers"]],
      ["http.connection", "GET", "/", ["Host", "a", "Connection", "close, x-api-key"]],
    ];
    for (const [rule, method, target, headers, version] of cases)
      expect(fault(method, target, headers, version), rule + target).toBe(rule);
  });

  it("[11] never passes a header that comes twice, whatever its case", () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,12}$/);
    fc.assert(
      fc.property(
        name,
        fc.string(),
        fc.string(),
        (header, a, b) => fault("GET", "/", ["Host", "x", header, a, header.toUpperCase(), b]) !== undefined,
      ),
    );
  });
});
