import type { Conversation } from "./conversation.ts";
import type { Scenario, Turn } from "./scenario.ts";

export type Answer =
  | {
      do: "say";
      text?: string | undefined;
      thinking?: string | undefined;
      tool?: { name: string; input: Record<string, unknown> };
      delayMs: number;
      usage?: Turn["usage"];
    }
  | { do: "fail"; error: NonNullable<Turn["error"]>; delayMs: number }
  | { do: "cut"; delayMs: number };

const tailCharacters = 2_000;

/** Pure. `tries`: how often this conversation asked at this very place before; it serves only errors and cuts that pass after some tries. */
export function decideAnswer(seen: { conversation: Conversation; scenario: Scenario; tries: number }): Answer {
  const { conversation, scenario } = seen;
  const tail = conversation.lastResult.slice(-tailCharacters).trim();
  if (conversation.order) {
    if (conversation.order.answered > 0) return { do: "say", text: tail === "" ? "Done." : `Done.\n\n${tail}`, delayMs: 0 };
    return {
      do: "say",
      tool: { name: "Bash", input: { command: conversation.order.command, description: "Run what the user asked for" } },
      delayMs: 0,
    };
  }
  let toSkip = conversation.answered;
  let tries = seen.tries;
  let delayMs = 0;
  for (const turn of scenario.turns) {
    const answers = turn.tool !== undefined || turn.text !== undefined;
    if (toSkip > 0) {
      if (answers) toSkip -= 1;
      continue;
    }
    delayMs += turn.delayMs ?? 0;
    if (turn.error) {
      if (tries < (turn.error.times ?? Number.POSITIVE_INFINITY)) return { do: "fail", error: turn.error, delayMs };
      tries -= turn.error.times ?? 0;
      delayMs = 0;
    } else if (turn.cut) {
      if (tries < turn.cut.times) return { do: "cut", delayMs };
      tries -= turn.cut.times;
      delayMs = 0;
    } else if (answers) {
      const text = turn.text?.replaceAll("{{result}}", () => tail);
      const tool = turn.tool === undefined ? {} : { tool: { name: turn.tool, input: turn.input ?? {} } };
      return { do: "say", text, thinking: turn.thinking, ...tool, delayMs, usage: turn.usage };
    }
  }
  return { do: "say", text: "Done.", delayMs };
}
