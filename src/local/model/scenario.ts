import { z } from "zod";
import { Fault } from "../../fault.ts";

const longestDelayMs = 600_000;

const failure = z.strictObject({
  status: z.int().min(400).max(599),
  /** Anthropic's error type; by default the one that belongs to the status. */
  type: z.string().optional(),
  message: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** How many requests of one conversation get it before the next turn comes. Without it: every one. */
  times: z.int().min(1).optional(),
  /** Puts the model key into the message, as a careless far end might. */
  echoKey: z.boolean().optional(),
});

const usage = z.strictObject({
  inputTokens: z.int().min(0).optional(),
  outputTokens: z.int().min(0).optional(),
  cacheReadTokens: z.int().min(0).optional(),
  cacheWriteTokens: z.int().min(0).optional(),
});

// One flat object rather than a union: a union's refusal does not name the field that is wrong.
const turn = z
  .strictObject({
    tool: z.string().min(1).optional(),
    input: z.record(z.string(), z.unknown()).optional(),
    text: z.string().optional(),
    /** What the model thought before it answered. */
    thinking: z.string().optional(),
    error: failure.optional(),
    /** Breaks the connection in the middle of the answer, so many times. */
    cut: z.strictObject({ times: z.int().min(1) }).optional(),
    delayMs: z.int().min(0).max(longestDelayMs).optional(),
    usage: usage.optional(),
  })
  .superRefine((given, context) => {
    const refuse = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
    if (given.tool !== undefined && given.input === undefined) refuse("input", "a tool needs its input");
    if (given.input !== undefined && given.tool === undefined) refuse("tool", "an input needs its tool's name");
    const answers = given.tool !== undefined || given.text !== undefined;
    const kinds = [answers, given.error !== undefined, given.cut !== undefined].filter(Boolean).length;
    if (kinds > 1)
      refuse(given.error ? "error" : "cut", "a turn is an answer (tool, text), an error or a cut, not several of them");
    if (kinds === 0 && given.delayMs === undefined) refuse("text", "a turn needs one of tool, text, error, cut, delayMs");
  });

const scenario = z.strictObject({ turns: z.array(turn).min(1).max(1_000) });

/** What the model will do: one answer for each turn of the conversation. Errors, cuts and bare delays come before the answer that follows
 *  them. `{{result}}` in a text stands for the end of what the last tool printed. After the last turn every answer is "Done." */
export type Scenario = z.infer<typeof scenario>;
export type Turn = Scenario["turns"][number];

/** Throws Fault "usage.scenario", whose message names the field that is wrong. */
export function parseScenario(value: unknown): Scenario {
  const parsed = scenario.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const keys = issue?.code === "unrecognized_keys" ? issue.keys : [];
  const field = [...(issue?.path ?? []), ...keys.slice(0, 1)].map(String).join(".") || "scenario";
  throw new Fault("usage.scenario", `The scenario is wrong at ${field}: ${issue?.message ?? "invalid"}`, {
    remedy: 'Give an object such as {"turns":[{"tool":"Bash","input":{"command":"npm test"}},{"text":"Done."}]}',
  });
}
