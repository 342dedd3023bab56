import { describe, expect, it } from "vitest";
import { decideAnswer } from "../../../../src/local/model/decide.ts";
import { defaultScenario } from "../../../../src/local/model/default-scenario.ts";
import { parseScenario } from "../../../../src/local/model/scenario.ts";

const at = (answered: number, lastResult = "") => ({ answered, order: undefined, lastResult });

describe("the next answer", () => {
  const scenario = parseScenario({
    turns: [
      { tool: "Bash", input: { command: "ls" } },
      { delayMs: 5 },
      { error: { status: 429, times: 2 } },
      { cut: { times: 1 } },
      { text: "Saw {{result}}" },
    ],
  });
  it("follows the number of answers in the conversation", () => {
    expect(decideAnswer({ conversation: at(0), scenario, tries: 0 })).toMatchObject({
      do: "say",
      tool: { name: "Bash" },
      delayMs: 0,
    });
    expect(decideAnswer({ conversation: at(2), scenario, tries: 0 })).toMatchObject({ do: "say", text: "Done." });
  });
  it("fails and cuts as often as asked, then goes on", () => {
    const kinds = [0, 1, 2, 3].map((tries) => decideAnswer({ conversation: at(1, "$& a file"), scenario, tries }));
    expect(kinds.map((kind) => kind.do)).toEqual(["fail", "fail", "cut", "say"]);
    expect(kinds[0]?.delayMs).toBe(5);
    expect(kinds[3]).toMatchObject({ text: "Saw $& a file" });
  });
  it("fails for ever without a number of times", () => {
    const broken = parseScenario({ turns: [{ error: { status: 500 } }] });
    expect(decideAnswer({ conversation: at(0), scenario: broken, tries: 1_000 }).do).toBe("fail");
  });
  it("obeys a block in the prompt before any scenario, then tells the end of what it printed", () => {
    const conversation = { answered: 4, order: { command: "id", answered: 0 }, lastResult: "" };
    expect(decideAnswer({ conversation, scenario, tries: 0 })).toMatchObject({
      tool: { name: "Bash", input: { command: "id" } },
    });
    const after = { answered: 5, order: { command: "id", answered: 1 }, lastResult: "uid=1\n" };
    expect(decideAnswer({ conversation: after, scenario, tries: 0 })).toMatchObject({ text: "Done.\n\nuid=1" });
  });
});

describe("scenarios", () => {
  it.each([
    [{ turns: [{ tol: "Bash" }] }, "turns.0.tol"],
    [{ turns: [{ tool: "Bash" }] }, "turns.0.input"],
    [{ turns: [{ text: "a" }, { error: { status: 200 } }] }, "turns.1.error.status"],
    [{ turns: [{ text: "a", error: { status: 500 } }] }, "turns.0.error"],
    [{ turns: [] }, "turns"],
    [[], "scenario"],
  ])("names the field that is wrong: %j", (value, field) => {
    expect(() => parseScenario(value)).toThrow(
      expect.objectContaining({ code: "usage.scenario", message: expect.stringContaining(`at ${field}:`) }),
    );
  });
  it("has a default that is itself valid", () => {
    expect(parseScenario(structuredClone(defaultScenario))).toEqual(defaultScenario);
  });
});
