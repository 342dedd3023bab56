import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { controlFell } from "../../helpers/control.ts";

interface Resolver {
  answer(message: Buffer, lookUp: (name: string) => readonly string[] | undefined): { reply?: Buffer; refused?: string };
  parseTable(text: string): Map<string, string[]> | undefined;
  countRefused(write: (line: object) => void, atMost?: number): { add(name: string): void; tellAll(): void; forget(): void };
}
const { answer, parseTable, countRefused } = (await import(
  join(import.meta.dirname, "../../../sandbox/dns-answer.mjs")
)) as Resolver;

const listed = new Map([["github.com", ["192.0.2.1", "192.0.2.2"]]]);
const ask = (message: Buffer) => answer(message, (name) => listed.get(name));
const codeOf = (reply: Buffer | undefined) => (reply ? (reply[3] ?? 0) & 15 : undefined);
const recordsIn = (reply: Buffer | undefined) => reply?.readUInt16BE(6) ?? 0;

/** What a resolver that forwards hands on to strangers: whatever it has no address for, as it came. The control. */
const forwarded = (message: Buffer) => (recordsIn(ask(message).reply) > 0 ? undefined : message);

interface Asked {
  id?: number;
  flags?: number;
  counts?: [number, number, number, number];
  name?: string;
  type?: number;
  class?: number;
  rest?: Buffer;
}
const encodeName = (name: string) =>
  Buffer.concat([
    ...name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")])),
    Buffer.from([0]),
  ]);
const words = (...numbers: number[]) => Buffer.concat(numbers.map((number) => Buffer.from([number >> 8, number & 255])));
const question = (of: Asked = {}) =>
  Buffer.concat([
    words(of.id ?? 0x414c, of.flags ?? 0x0100, ...(of.counts ?? [1, 0, 0, 0])),
    ...[encodeName(of.name ?? "github.com"), words(of.type ?? 1, of.class ?? 1), of.rest ?? Buffer.alloc(0)],
  ]);
const edns = (options = Buffer.alloc(0), version = 0) =>
  Buffer.concat([Buffer.from([0]), words(41, 1232), Buffer.from([0, version, 0, 0]), words(options.length), options]);

describe("the resolver of a firewalled sandbox, which asks nobody", () => {
  it("gives a listed name its addresses, in whatever case it is asked, and the question back as it was spelt", () => {
    const { reply, refused } = ask(question({ name: "GitHub.COM" }));
    expect(refused).toBeUndefined();
    expect(codeOf(reply)).toBe(0);
    expect(recordsIn(reply)).toBe(2);
    expect(reply?.toString("latin1")).toContain("\u0006GitHub\u0003COM");
    expect([...(reply?.subarray(-4) ?? [])]).toEqual([192, 0, 2, 2]);
  });

  it.each([
    ["AAAA", 28],
    ["TXT", 16],
    ["MX", 15],
    ["NS", 2],
    ["SOA", 6],
    ["CNAME", 5],
    ["NULL", 10],
    ["SVCB", 64],
    ["HTTPS", 65],
    ["ANY", 255],
  ])("[54] has nothing of type %s, for a listed name neither", (_, type) => {
    controlFell(
      forwarded(question({ type, name: "c2VjcmV0.github.com" }))?.includes("c2VjcmV0") === true,
      "a resolver that forwards",
    );
    const { reply, refused } = ask(question({ type }));
    expect({ code: codeOf(reply), records: recordsIn(reply), refused }).toEqual({ code: 0, records: 0, refused: undefined });
    expect(ask(question({ type, name: "c2VjcmV0.github.com" }))).toMatchObject({ refused: "c2vjcmv0.github.com" });
  });

  it.each([
    ["a whole zone", { type: 252 }],
    ["what changed of a zone", { type: 251 }],
    ["another class", { class: 3 }],
    ["any class", { class: 255 }],
    ["a name below a listed one", { name: "secret.github.com" }],
    ["a listed name below another", { name: "github.com.evil.test" }],
    ["a listed name with a dot in one label", { name: undefined, rest: undefined }],
    ["a name with a control byte", { name: "github\n.com" }],
  ] as [string, Asked][])("[54] refuses %s, and says so", (what, of) => {
    const message = what.includes("dot in one")
      ? Buffer.concat([words(1, 0x100, 1, 0, 0, 0), Buffer.from("\x0agithub.com\0", "latin1"), words(1, 1)])
      : question(of);
    controlFell(forwarded(message)?.equals(message) === true, "a resolver that forwards");
    const { reply, refused } = ask(message);
    expect({ code: codeOf(reply), records: recordsIn(reply) }).toEqual({ code: 5, records: 0 });
    expect(refused).toEqual(expect.any(String));
  });

  it.each([
    ["two questions", question({ counts: [2, 0, 0, 0], rest: question().subarray(12) })],
    ["no question", words(1, 0x100, 0, 0, 0, 0)],
    [
      "an answer in the question",
      question({ counts: [1, 1, 0, 0], rest: Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0]) }),
    ],
    ["bytes behind the question", question({ rest: Buffer.from("secret") })],
    ["bytes behind the EDNS record", question({ counts: [1, 0, 0, 1], rest: Buffer.concat([edns(), Buffer.from("x")]) })],
    [
      "another record in its place",
      question({ counts: [1, 0, 0, 1], rest: Buffer.concat([Buffer.from([0]), words(16, 1, 0, 0, 0)]) }),
    ],
    ["EDNS of a later version", question({ counts: [1, 0, 0, 1], rest: edns(undefined, 1) })],
    ["a pointer to itself", Buffer.concat([words(1, 0x100, 1, 0, 0, 0), Buffer.from([0xc0, 12]), words(1, 1)])],
    ["a label that goes on behind the end", Buffer.concat([words(1, 0x100, 1, 0, 0, 0), Buffer.from([63, 65])])],
    ["a name without an end", Buffer.concat([words(1, 0x100, 1, 0, 0, 0), Buffer.from("\x01a".repeat(200), "latin1")])],
    ["more than a question can take", question({ counts: [1, 0, 0, 1], rest: edns(Buffer.alloc(600)) })],
  ])("answers that it cannot read %s", (_, message) => {
    const { reply, refused } = ask(message);
    expect({ code: codeOf(reply), length: reply?.length, refused }).toEqual({ code: 1, length: 12, refused: undefined });
  });

  it("takes EDNS for what it is: options are not read, and none come back", () => {
    const { reply } = ask(question({ counts: [1, 0, 0, 1], rest: edns(Buffer.from("\0\x0a\0\x08a-cookie", "latin1")) }));
    expect(codeOf(reply)).toBe(0);
    expect(reply?.includes("a-cookie")).toBe(false);
  });

  it("says nothing to an answer, nor to what is no message, and does nothing but queries", () => {
    expect(ask(question({ flags: 0x8100 }))).toEqual({});
    expect(ask(Buffer.from("short"))).toEqual({});
    for (const opcode of [1, 2, 4, 5, 15]) expect(codeOf(ask(question({ flags: opcode << 11 })).reply)).toBe(4);
  });

  it("[54] survives every message, gives addresses to listed names alone, and adds nothing of the asker's to an answer", () => {
    const label = fc.string({ minLength: 1, maxLength: 63, unit: "binary-ascii" });
    const wellFormed = fc
      .record({
        ...{ id: fc.nat(65_535), flags: fc.nat(65_535), type: fc.nat(65_535), class: fc.constantFrom(1, 3, 255) },
        name: fc.oneof(
          fc.constant("github.com"),
          fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.map((it) => it.replaceAll(".", "-")).join(".")),
        ),
        rest: fc.oneof(
          fc.constant(Buffer.alloc(0)),
          fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        ),
        counts: fc.tuple(fc.constantFrom(0, 1, 2), fc.constantFrom(0, 1), fc.constantFrom(0, 1), fc.constantFrom(0, 1, 2)),
      })
      .map((of) => question(of as Asked));
    const message = fc.oneof(
      wellFormed,
      fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
    );
    let given = 0;
    fc.assert(
      fc.property(message, (bytes) => {
        const asked: string[] = [];
        const { reply, refused } = answer(bytes, (name) => {
          asked.push(name);
          return listed.get(name);
        });
        if (reply === undefined) return;
        expect(reply.length).toBeLessThanOrEqual(512);
        expect(reply.subarray(0, 2).equals(bytes.subarray(0, 2))).toBe(true);
        if (recordsIn(reply) > 0) {
          given += 1;
          expect(asked).toEqual(["github.com"]);
          expect(bytes.readUInt16BE(4)).toBe(1);
        }
        // Header, the question to the byte or none, and our own records.
        const body = reply.subarray(12, reply.length - 16 * recordsIn(reply));
        expect(body.length === 0 || bytes.subarray(12, 12 + body.length).equals(body)).toBe(true);
        if (refused !== undefined) expect(recordsIn(reply)).toBe(0);
      }),
      { numRuns: 3_000, examples: [[question()]] },
    );
    controlFell(given > 0, "a question for a listed name");
  });
});

describe("the table of names", () => {
  it("is taken whole or not at all", () => {
    expect(parseTable('{"a.test":["192.0.2.1"]}')).toEqual(new Map([["a.test", ["192.0.2.1"]]]));
    for (const text of [
      "[]",
      "null",
      '"x"',
      '{"a":"192.0.2.1"}',
      '{"a":["192.0.2.1","x"]}',
      '{"a":["192.0.2.256"]}',
      '{"a":[1]}',
    ])
      expect(parseTable(text), text).toBeUndefined();
  });
});

describe("the count of refused names", () => {
  const told = (fill: (counts: ReturnType<Resolver["countRefused"]>) => void) => {
    const lines: Record<string, unknown>[] = [];
    fill(countRefused((line) => lines.push({ ...line }), 50));
    return lines;
  };

  it("is a few lines for a loop, and exact at the end", () => {
    const lines = told((counts) => {
      for (let i = 0; i < 1_000; i++) counts.add("secret.test");
      counts.tellAll();
      counts.tellAll();
    });
    expect(lines.length).toBeLessThan(15);
    expect(lines.at(-1)).toEqual({ airlock: "name-refused", name: "secret.test", times: 1_000 });
  });

  it("is fifty names and a figure for a flood of 100,000", () => {
    const lines = told((counts) => {
      for (let i = 0; i < 100_000; i++) counts.add(`${i}.canary.test`);
      counts.tellAll();
    });
    expect(lines.length).toBeLessThan(80);
    expect(lines.at(-1)).toEqual({ airlock: "further-names-refused", times: 99_950 });
  });

  it("begins anew when it is told to forget", () => {
    const lines = told((counts) => {
      counts.add("probe.test");
      counts.forget();
      counts.add("secret.test");
      counts.tellAll();
    });
    expect(lines.slice(1)).toEqual([
      { airlock: "refusals-forgotten" },
      { airlock: "name-refused", name: "secret.test", times: 1 },
    ]);
  });
});
