import { z } from "zod";

const block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  tool_use_id: z.string().optional(),
  content: z.unknown().optional(),
});
const message = z.looseObject({ role: z.enum(["user", "assistant", "system"]), content: z.union([z.string(), z.array(block)]) });

/** The part of a Messages request that the stand-in reads. Unknown fields pass: the real API's clients send many. */
export const messagesRequest = z.looseObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1).optional(),
  messages: z.array(message).min(1),
  tools: z.array(z.looseObject({ name: z.string().optional(), type: z.string().optional() })).optional(),
  system: z.unknown().optional(),
  output_config: z.looseObject({ format: z.unknown().optional() }).optional(),
  stream: z.boolean().optional(),
  metadata: z.looseObject({ user_id: z.string().optional() }).optional(),
});
export type MessagesRequest = z.infer<typeof messagesRequest>;
type Message = MessagesRequest["messages"][number];

export interface Conversation {
  /** How many answers of ours the conversation already holds: the place in the scenario. */
  answered: number;
  /** A shell command that an instruction carries in a block marked `airlock-sh`, and how many answers came after that instruction. */
  order: { command: string; answered: number } | undefined;
  /** What the last tool printed. */
  lastResult: string;
}

/** Everything that decides the next turn is in the request itself, so parallel runs and a resumed one are each at their own place. */
export function readConversation(messages: readonly Message[]): Conversation {
  let answered = 0;
  let order: Conversation["order"];
  let lastResult = "";
  for (const each of messages) {
    if (each.role === "assistant") {
      answered += 1;
      if (order) order = { ...order, answered: order.answered + 1 };
      continue;
    }
    if (each.role !== "user") continue;
    // The newest instruction with a block gives the order; within one instruction the last block counts, as a command comment comes after the text.
    const command = instructionsOf(each).flatMap(findShellBlocks).at(-1);
    if (command !== undefined) order = { command, answered: 0 };
    lastResult = resultsOf(each).at(-1) ?? lastResult;
  }
  return { answered, order, lastResult };
}

/** No part of the job: a request without tools of the client's own (a title, a summary, a quota check), and a subagent's, which Claude Code
 *  marks in its first system block. A subagent would otherwise play the whole scenario again, and start the next subagent. */
export function isSideRequest(request: MessagesRequest): boolean {
  const hasTools = (request.tools ?? []).some((tool) => tool.type === undefined || tool.type === "custom");
  return !hasTools || JSON.stringify(request.system ?? "").includes("cc_is_subagent=true");
}

/** The real API refuses a tool call that has no result in the next message; so does the stand-in. Returns the first such id. */
export function findUnansweredTool(messages: readonly Message[]): string | undefined {
  for (const [index, each] of messages.entries()) {
    if (each.role !== "assistant" || typeof each.content === "string") continue;
    const next = messages.slice(index + 1).find((later) => later.role !== "system");
    const results = next && typeof next.content !== "string" ? next.content.map((part) => part.tool_use_id) : [];
    const missing = each.content.find((part) => part.type === "tool_use" && !results.includes(part.id));
    if (missing && index < messages.length - 1) return missing.id ?? "unnamed";
  }
  return undefined;
}

/** The commands in fenced blocks marked `airlock-sh`, in order. A fence is at least three backticks or tildes; it ends at one as long. */
export function findShellBlocks(text: string): string[] {
  const found: string[] = [];
  let open: { fence: string; lines: string[]; marked: boolean } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const fence = /^ {0,3}(`{3,}|~{3,})[ \t]*(.*)$/.exec(line);
    const marks = fence?.[1] ?? "";
    if (!open) {
      if (fence) open = { fence: marks, lines: [], marked: (fence[2] ?? "").trim() === "airlock-sh" };
    } else if (fence && marks.startsWith(open.fence) && (fence[2] ?? "").trim() === "") {
      if (open.marked) found.push(open.lines.join("\n"));
      open = undefined;
    } else open.lines.push(line);
  }
  return found;
}

// Claude Code puts reminders of its own beside what the user said; they may quote anything.
function instructionsOf(each: Message): string[] {
  const texts =
    typeof each.content === "string"
      ? [each.content]
      : each.content.flatMap((part) => (part.type === "text" && part.text ? [part.text] : []));
  return texts.filter((text) => !text.trimStart().startsWith("<system-reminder>"));
}

function resultsOf(each: Message): string[] {
  if (typeof each.content === "string") return [];
  return each.content.flatMap((part) => {
    if (part.type !== "tool_result") return [];
    if (typeof part.content === "string") return [part.content];
    const inner = z.array(block).safeParse(part.content);
    return [inner.success ? inner.data.map((piece) => piece.text ?? "").join("\n") : ""];
  });
}
