import fc from "fast-check";
import { expect, it } from "vitest";
import { printUserMessage } from "../../../src/agent/launch.ts";

it("a message is one line, whatever its text, and can never be the line that ends the input", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const line = printUserMessage(text);
      expect(line.indexOf("\n")).toBe(line.length - 1);
      expect(line.startsWith('{"type":"user"')).toBe(true);
      expect(JSON.parse(line).message.content).toEqual([{ type: "text", text: text.toWellFormed() }]);
    }),
  );
});
