/** One message of the user, as Claude Code's stream-json input takes it (its shape is known only from the SDK, hence the pinned CLI).
 *  Always one line: its end is the message's end. */
export function printUserMessage(text: string): string {
  return `${JSON.stringify({ type: "user", message: { role: "user", content: [{ type: "text", text: text.toWellFormed() }] } })}\n`;
}
