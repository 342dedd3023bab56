import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNamedIn, parseHostNames } from "../../../src/settings/host-names.ts";

const wrong = (text: string) => {
  const parsed = parseHostNames(text);
  return "wrong" in parsed ? parsed.wrong : `taken: ${parsed.hosts}`;
};

describe("a list of hosts", () => {
  it("is names between commas, spaces or line ends, each once", () => {
    expect(parseHostNames("docs.example.org, api.example.org\n docs.example.org")).toEqual({
      hosts: ["docs.example.org", "api.example.org"],
    });
    expect(parseHostNames("xn--bcher-kva.example")).toEqual({ hosts: ["xn--bcher-kva.example"] });
  });

  it("[3][8] takes no other spelling, and says what to write", () => {
    const cases: [text: string, says: RegExp][] = [
      ["", /no host/],
      [" , ", /no host/],
      ["*.example.org", /wildcard/],
      ["https://docs.example.org", /without scheme/],
      ["docs.example.org:443", /without scheme, port/],
      ["docs.example.org/path", /without scheme, port or path/],
      ["user@docs.example.org", /host's name alone/],
      ["127.0.0.1", /address/],
      ["[::1]", /name alone/],
      ["::1", /name alone/],
      ["2130706433", /address/],
      ["0x7f.1", /address/],
      ["docs.example.0x7f", /address/],
      ["docs.example.org.", /dot at the end/],
      ["Docs.Example.org", /small letters \(docs\.example\.org\)/],
      ["bücher.example", /ASCII \(xn--bcher-kva\.example\)/],
      ["localhost", /needs a domain/],
      ["-a.example.org", /no host's name/],
      ["a_b.example.org", /no host's name/],
      ["a..example.org", /no host's name/],
      [`${"a".repeat(64)}.example.org`, /no host's name/],
      [Array.from({ length: 65 }, (_, nth) => `h${nth}.example.org`).join(), /more than 64/],
    ];
    for (const [text, says] of cases) expect(wrong(text), text).toMatch(says);
  });

  it("throws for nothing, and what it takes is what every reader of URLs takes it for", () => {
    const odd = fc.string({ unit: fc.constantFrom(..."abzABZ019-._:/@*#?%[] ,\0é") });
    fc.assert(
      fc.property(odd, (text) => {
        const parsed = parseHostNames(text);
        for (const host of "hosts" in parsed ? parsed.hosts : []) expect(new URL(`https://${host}:443/`).hostname).toBe(host);
      }),
    );
  });
});

describe("NO_PROXY", () => {
  it("names a host by that very name, or all", () => {
    expect(isNamedIn("localhost, Docs.example.org", "docs.example.org")).toBe(true);
    expect(isNamedIn("*", "docs.example.org")).toBe(true);
    for (const list of [undefined, "", "example.org", ".example.org", "*.example.org", "xdocs.example.org"])
      expect(isNamedIn(list, "docs.example.org"), list).toBe(false);
  });
});
