import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseStrictJson } from "../../../src/gateway/strict-json.ts";
import { workedMs } from "../../helpers/worked.ts";

const parse = (text: string) => parseStrictJson(Buffer.from(text));

describe("parseStrictJson", () => {
  it("reads what JSON.parse reads, whatever its shape and spacing", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 1, "\t"), (text, space) => {
        const value = JSON.parse(text);
        const result = parse(JSON.stringify(value, null, space));
        return result.ok && JSON.stringify(result.value) === JSON.stringify(value);
      }),
    );
  });

  it("[59] finds the same key twice in one object at any depth, also where it is escaped, and never across objects", () => {
    for (const text of [
      '{"a":1,"a":2}',
      '{"a":1,"\\u0061":2}',
      '[{"b":{"x":[],"y":{"c":1, "c" :2}}}]',
      '{"a":[{"a":1}],"a":0}',
      '{"":1,"":2}',
      '{"a\\"b":1,"a\\"b":2}',
    ]) {
      expect(parse(text).ok, text).toBe(false);
    }
    for (const text of [
      '{"a":{"a":1},"b":{"a":2}}',
      '[{"a":1},{"a":1}]',
      '{"a":"a","b":"a"}',
      '{"a":["a","a"]}',
      '{"a":"{\\"a\\":1,\\"a\\":2}"}',
    ]) {
      expect(parse(text).ok, text).toBe(true);
    }
    fc.assert(
      fc.property(
        fc.string(),
        fc.json(),
        fc.json(),
        (key, a, b) => !parse(`{${JSON.stringify(key)}:${a},"other-key":0,${JSON.stringify(key)}:${b}}`).ok,
      ),
    );
  });

  it("[59] refuses a byte order mark, bytes that are no UTF-8, a second value and great depth", () => {
    expect(parse("\ufeff{}").ok).toBe(false);
    expect(parseStrictJson(Buffer.from([0x22, 0xff, 0x22])).ok).toBe(false);
    expect(parseStrictJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])).ok).toBe(false);
    expect(parse("{} {}").ok).toBe(false);
    expect(parse("{}\0").ok).toBe(false);
    expect(parse("[".repeat(200) + "]".repeat(200)).ok).toBe(false);
    expect(parse("[".repeat(100) + "]".repeat(100)).ok).toBe(true);
  });

  it("walks a long string with many backslashes in one pass", () => {
    const text = JSON.stringify({ a: '\\"'.repeat(500_000), b: "\\".repeat(500_000) });
    const beganAtMs = workedMs();
    expect(parse(text).ok).toBe(true);
    expect(workedMs() - beganAtMs).toBeLessThan(2_000);
  });
});
