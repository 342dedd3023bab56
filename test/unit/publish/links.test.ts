import { posix } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideLinks, findLinkTrouble } from "../../../src/publish/policy/links.ts";

describe("a symbolic link of the work's", () => {
  it.each<[string, string, ReturnType<typeof findLinkTrouble>]>([
    ["a", "b", undefined],
    ["a/b/c", "../../d", undefined],
    ["a/b", "./../c//d/.", undefined],
    ["a", "..", "leaves"],
    ["a/b", "../../etc/passwd", "leaves"],
    ["a/b", "../c/../../d", "leaves"],
    ["a/b", "..\\..\\etc", "leaves"],
    ["a", "/etc/passwd", "absolute"],
    ["a", "\\\\host\\share", "absolute"],
    ["a", "C:\\Windows", "absolute"],
    ["a", "~/.ssh/id_rsa", "absolute"],
    ["a", ".git/hooks/pre-commit", "git"],
    ["a/b", "../.GIT./config", "git"],
    ["a/b", "../.g\u200cit/config", "git"],
    ["a", ".git/../b", "git"],
    ["a", ".gitignore", undefined],
    ["a", "", "unreadable"],
    ["a", "b\0c", "unreadable"],
  ])("%j that leads to %j is %s", (path, target, trouble) => {
    expect(findLinkTrouble({ path, target })).toBe(trouble);
  });

  it("never passes where resolving it leaves the tree", () => {
    const part = fc.constantFrom("..", ".", "a", "b", "");
    const root = "/1/2/3/4/5/6/7/8/9/";
    const folders = fc.array(fc.constantFrom("x", "y"), { maxLength: 3 });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), folders, (target, folder) => {
        const path = [...folder, "link"].join("/");
        const end = posix.join(root, posix.dirname(path), target.join("/"));
        if (!`${end}/`.startsWith(root)) expect(findLinkTrouble({ path, target: target.join("/") })).toBeDefined();
      }),
    );
  });

  it("is told where it stays inside, and held for a person where it does not", () => {
    const links = [
      { path: "a", target: "b" },
      { path: "c", target: "/etc/`shadow`" },
      { path: "d", target: undefined },
    ];
    expect(decideLinks(links)).toEqual({
      notes: ["symbolic link: `a` to `b`"],
      hold: [
        {
          code: "publish.link",
          words: "c (rule link): It leads to a fixed place on the machine of whoever checks it out, to /etc/?shadow?.",
        },
        { code: "publish.link", words: "d (rule link): It cannot be read." },
      ],
    });
  });
});

describe("links that each stay in the tree", () => {
  it("[23] are held where one goes back from a name: that may be a link, and together they lead out", () => {
    expect(findLinkTrouble({ path: "d/e/f/x", target: "../../.." })).toBeUndefined();
    expect(findLinkTrouble({ path: "l", target: "d/e/f/x/../SECRET" })).toBe("detour");
    expect(findLinkTrouble({ path: "a/l", target: "../b/c" })).toBeUndefined();
  });

  it("[23] are held where one leads into git's folder by the name that Windows has for it", () => {
    expect(findLinkTrouble({ path: "l", target: "GIT~1/hooks/x" })).toBe("git");
  });
});
