import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cratesUrl } from "../../../src/gateway/registry/crates.ts";
import { goUrl } from "../../../src/gateway/registry/go.ts";
import { npmUrl } from "../../../src/gateway/registry/npm.ts";
import { pypiUrl } from "../../../src/gateway/registry/pypi.ts";
import { parseRegistryTarget } from "../../../src/gateway/registry/request.ts";
import { controlFell } from "../../helpers/control.ts";

const upstream = "https://registry.test/base";
/** The path below the upstream that a request leads to, as a parser of addresses leaves it; undefined: refused. */
const sentFor = (target: string): { sent: string; name: string } | undefined => {
  const parsed = parseRegistryTarget(target);
  if (!parsed.ok || parsed.request.want === "config") return undefined;
  const { request } = parsed;
  const url =
    request.of === "npm"
      ? npmUrl(upstream, request.name)
      : request.of === "pypi"
        ? pypiUrl(upstream, request.name)
        : request.of === "go"
          ? goUrl(upstream, request, false)
          : cratesUrl(upstream, "path" in request ? request.path : request.name);
  expect(url.origin + url.search + url.hash).toBe("https://registry.test");
  return { sent: url.pathname, name: request.name };
};

describe("what a registry is asked for", () => {
  it.each(["example.com/./x", "example.com/x/.", "example.com/././x/y", "example.com/.git/x", "example.com/x./y"])(
    "[8][63] is refused where an address would be read otherwise than it was decided on: the Go module %s",
    (name) => {
      const asked = `/registry/go/${name}/@v/list`;
      const naive = new URL(`${upstream}/cached-only/${name}/@v/list`).pathname;
      if (/\/\.(?:\/|$)/.test(name)) controlFell(!naive.includes(name), "an address made of the name as it came");
      expect(sentFor(asked)).toBeUndefined();
    },
  );

  it("[8][63] is what was decided on, to the letter, whatever is sent", () => {
    const part = fc.stringMatching(/^[A-Za-z0-9@!._~%+-]{1,8}$/);
    const target = fc.oneof(
      fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => `/registry/npm/${parts.join("/")}`),
      fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => `/registry/go/${parts.join("/")}/@v/list`),
      fc
        .array(fc.constantFrom("a.b", "x", ".", "..", "!x", "~", "-"), { minLength: 1, maxLength: 5 })
        .map((parts) => `/registry/go/a.b/${parts.join("/")}/@latest`),
      part.map((name) => `/registry/pypi/simple/${name}/`),
      fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `/registry/crates/${parts.join("/")}`),
    );
    let passed = 0;
    fc.assert(
      fc.property(target, (asked) => {
        const found = sentFor(asked);
        if (!found) return;
        passed += 1;
        expect(found.sent).not.toMatch(/\/\.{1,2}(?:\/|$)|\/\//);
        const escaped = found.name.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
        const spelt = [found.name, found.name.replace("/", "%2f"), escaped, found.name.replaceAll("_", "-")];
        expect(spelt.some((name) => found.sent.toLowerCase().includes(`/${name.toLowerCase()}`))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(passed).toBeGreaterThan(100);
  });
});
