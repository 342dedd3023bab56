import { describe, expect, it } from "vitest";
import { parsePush, refusePush } from "../../../../src/local/github/receive-pack.ts";

const zero = "0".repeat(40);
const sha = "a".repeat(40);

function packet(text: string): string {
  return (Buffer.byteLength(text) + 4).toString(16).padStart(4, "0") + text;
}

describe("a push, as git sends it", () => {
  it("is read as commands, capabilities and pack", () => {
    const first = packet(`${zero} ${sha} refs/heads/a\0 report-status side-band-64k agent=git/2\n`);
    const push = parsePush(Buffer.from(`${first}${packet(`${sha} ${zero} refs/heads/ü b`)}0000PACKrest`));
    expect(push.commands).toEqual([
      { before: zero, after: sha, ref: "refs/heads/a" },
      { before: sha, after: zero, ref: "refs/heads/ü b" },
    ]);
    expect(push.capabilities).toContain("side-band-64k");
    expect(push.pack.toString()).toBe("PACKrest");
  });

  it("has no commands where git only probes", () => {
    expect(parsePush(Buffer.from("0000"))).toMatchObject({ commands: [], pack: Buffer.alloc(0) });
    expect(parsePush(Buffer.alloc(0)).commands).toEqual([]);
    expect(parsePush(Buffer.from("zzzz")).commands).toEqual([]);
  });

  it("is refused ref by ref, in a band only where the client can read one", () => {
    const push = {
      commands: [{ before: zero, after: sha, ref: "refs/heads/a" }],
      capabilities: [] as string[],
      pack: Buffer.alloc(0),
    };
    const report = `${packet("unpack ok\n")}${packet("ng refs/heads/a not so\n")}0000`;
    expect(String(refusePush(push, "not so").raw?.text)).toBe(report);
    expect(String(refusePush({ ...push, capabilities: ["side-band-64k"] }, "not so").raw?.text)).toBe(
      `${packet(`\u0001${report}`)}0000`,
    );
  });
});
