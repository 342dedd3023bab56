/** ◆ How the agent is told through its own requests: as one more text of the user's turn, marked as ours. Nothing of the model's is forged, and
 *  what the agent keeps of the conversation stays as it was. */
import { isRecord } from "./form.ts";

/** Undefined: nothing needs to be said yet. `used`: 0.8 is four fifths. */
export function printBudgetNote(used: number): string | undefined {
  const least = [0.95, 0.8].find((share) => used >= share);
  if (least === undefined) return undefined;
  const advice =
    least === 0.95
      ? "Commit what you have now and end your answer: the next call may be refused, which ends the run."
      : "Finish what you have begun, commit it, and begin nothing large.";
  return `[Airlock, the gateway of this sandbox: more than ${least * 100} % of this run's budget is spent. ${advice}]`;
}

/** Where money that is counted over all runs is nearly spent. */
export const capNote =
  "[Airlock, the gateway of this sandbox: the budget that all runs share is nearly used up. Commit what you have now and end your answer: the next call may be refused, which ends the run.]";

/** Adds to the last message of the user's, if the request is one of an agent at work (it has tools). */
export function addNote(body: Record<string, unknown>, note: string): Record<string, unknown> {
  const messages = body.messages as { role: string; content: unknown }[];
  const at = messages.findLastIndex(({ role }) => role === "user");
  const message = messages[at];
  if (!message || !Array.isArray(body.tools) || body.tools.length === 0 || messages.at(-1)?.role === "assistant") return body;
  const content =
    typeof message.content === "string" ? [{ type: "text", text: message.content }] : (message.content as unknown[]);
  if (!content.every(isRecord)) return body;
  return { ...body, messages: messages.with(at, { ...message, content: [...content, { type: "text", text: note }] }) };
}
