import { z } from "zod";

/** A line of the sandbox's own program. The agent can print the same: read `probe` and `cloned` only before the agent is started, and let
 *  nothing but a page depend on what comes later. */
export type AirlockLine = z.infer<typeof airlockLine>;

const airlockLine = z.looseObject({ airlock: z.string().min(1).max(40) });

const text = z.string();
const maybeText = text.optional().catch(undefined);
const maybeFlag = z.boolean().optional().catch(undefined);
const maybeCount = z.number().optional().catch(undefined);
const part = z.looseObject({
  type: text,
  id: maybeText,
  tool_use_id: maybeText,
  text: maybeText,
  thinking: maybeText,
  name: maybeText,
  input: z.unknown().optional(),
  content: z.unknown().optional(),
  is_error: maybeFlag,
});
const message = z.looseObject({ content: z.union([text, z.array(part)]) });
const common = { uuid: maybeText, parent_tool_use_id: maybeText };

// Lenient: Claude Code releases almost daily, and a new field must not blind the page.
const agentLine = z.discriminatedUnion("type", [
  z.looseObject({
    ...{ type: z.literal("system"), subtype: text, ...common, model: maybeText, description: maybeText },
    ...{
      attempt: maybeCount,
      max_retries: maybeCount,
      retry_delay_ms: maybeCount,
      error_status: maybeCount,
      tasks: z.array(z.unknown()).optional().catch(undefined),
    },
  }),
  z.looseObject({ type: z.literal("assistant"), message, ...common }),
  z.looseObject({ type: z.literal("user"), message, ...common }),
  z.looseObject({
    ...{
      type: z.literal("result"),
      subtype: maybeText,
      is_error: maybeFlag,
      result: maybeText,
      ...common,
    },
  }),
  z.looseObject({
    ...{ type: z.literal("rate_limit_event"), ...common },
    rate_limit_info: z.looseObject({ status: maybeText, resetsAt: maybeCount }).optional().catch(undefined),
  }),
  z.looseObject({ type: z.literal("stream_event"), ...common }),
]);
export type AgentLine = z.infer<typeof agentLine>;
export type AgentPart = z.infer<typeof part>;

// The engine's log carries lines of any length; Claude Code's own stay far below this.
const limitCharacters = 8_388_608;
/** Lists and objects within each other. Whoever prints or compares what is in them goes one call deeper for each, and a stack has an end:
 *  that would break off the reading of the log, at each try again, and a run whose log cannot be read comes to no end. */
const limitDepth = 256;

/** One line of the sandbox's stdout. Never throws. */
export function parseLine(
  line: string,
): { from: "airlock"; line: AirlockLine } | { from: "agent"; line: AgentLine } | { from: "unknown" } {
  if (line.length > limitCharacters || !line.startsWith("{") || nestsTooDeep(line)) return { from: "unknown" };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { from: "unknown" };
  }
  const ours = airlockLine.safeParse(value);
  if (ours.success) return { from: "airlock", line: ours.data };
  const agents = agentLine.safeParse(value);
  return agents.success ? { from: "agent", line: agents.data } : { from: "unknown" };
}

/** Of anything, JSON or not: what is no JSON is no line of ours either way. */
function nestsTooDeep(line: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at];
    if (character === '"') inString = !inString;
    else if (inString) at += character === "\\" ? 1 : 0;
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    if (depth > limitDepth) return true;
  }
  return false;
}

/** What a tool gave back, as text; images and the like are only named. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  const parts = z.array(part).safeParse(content);
  if (!parts.success) return "";
  return parts.data.map((each) => each.text ?? `[${each.type}]`).join("\n");
}
