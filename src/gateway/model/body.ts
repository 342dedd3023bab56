/** ◆ Every field that a request of the Messages API may have, as Claude Code 2.1.331 sends it (shapes.json; `npm run agent:bump`). The far end
 *  is asked to think over what is in the request, and nothing else: it fetches, searches, stores and runs nothing. */
import { anything, count, either, exactly, type Form, flag, list, number, object, tagged, text, textOr } from "./form.ts";

const cacheControl = object({ type: exactly("ephemeral") }, { ttl: exactly("5m") });
const cached = { cache_control: cacheControl };
const name = text(256);

const remote: [string, string] = ["model.remote-source", "a source that the far end would fetch or open is not allowed"];
const remoteSource = (type: string): [string, string] | undefined => (type === "url" || type === "file" ? remote : undefined);
const images = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const textBlock = object({ type: exactly("text"), text: text() }, { ...cached, citations: exactly(null) });
const image = object(
  {
    type: exactly("image"),
    source: tagged(
      { base64: object({ type: exactly("base64"), media_type: exactly(...images), data: text() }) },
      "model.unknown-source",
      remoteSource,
    ),
  },
  cached,
);
const document = object(
  {
    type: exactly("document"),
    source: tagged(
      {
        base64: object({ type: exactly("base64"), media_type: exactly("application/pdf"), data: text() }),
        text: object({ type: exactly("text"), media_type: exactly("text/plain"), data: text() }),
      },
      "model.unknown-source",
      remoteSource,
    ),
  },
  { ...cached, title: either(name, exactly(null)), context: either(text(), exactly(null)) },
);
const toolReference = object({ type: exactly("tool_reference"), tool_name: name });
const remoteBlock = (type: string): [string, string] | undefined =>
  type === "container_upload" || /^(?:server_tool_use|mcp_|web_|code_execution|bash_|text_editor_)/.test(type)
    ? ["model.remote-block", "this block belongs to something that runs at the far end"]
    : undefined;
const toolResult = object(
  { type: exactly("tool_result"), tool_use_id: name },
  {
    ...cached,
    is_error: flag,
    content: textOr(
      list(tagged({ text: textBlock, image, document, tool_reference: toolReference }, "model.unknown-block", remoteBlock)),
    ),
  },
);
const toolUse = object(
  { type: exactly("tool_use"), id: name, name, input: anything },
  // The API answers with it, and the agent sends back what it got. Any other caller is a program at the far end.
  { ...cached, caller: object({ type: exactly("direct") }) },
);
const thought = object({ type: exactly("thinking"), thinking: text(), signature: text() });
const redactedThought = object({ type: exactly("redacted_thinking"), data: text() });

const contentOf = (blocks: Record<string, Form>) => textOr(list(tagged(blocks, "model.unknown-block", remoteBlock)));
const contents: Readonly<Record<string, Form>> = {
  user: contentOf({ text: textBlock, image, document, tool_result: toolResult }),
  assistant: contentOf({ text: textBlock, tool_use: toolUse, thinking: thought, redacted_thinking: redactedThought }),
  system: contentOf({ text: textBlock }),
};

const message: Form = (value, path) => {
  const role = (value as { role?: unknown } | null)?.role;
  const content = typeof role === "string" && Object.hasOwn(contents, role) ? contents[role] : undefined;
  return object({ role: exactly("user", "assistant", "system"), content: content ?? anything })(value, path);
};

const customTool = object(
  { name, input_schema: anything },
  {
    ...cached,
    type: exactly("custom"),
    description: text(),
    defer_loading: flag,
    strict: flag,
    eager_input_streaming: flag,
    input_examples: list(anything),
  },
);
/** A tool of the agent's own has no type, or "custom": every other type names something that runs at the far end. */
const tool: Form = (value, path) => {
  const found = customTool(value, path);
  const type = (value as { type?: unknown } | null)?.type;
  if (!found || type === undefined || type === "custom") return found;
  return {
    path: `${path}.type`,
    rule: "model.server-tool",
    why: `the tool type ${JSON.stringify(type)?.slice(0, 80)} is none of the agent's own`,
  };
};
const parallel = { disable_parallel_tool_use: flag };
const toolChoice = tagged(
  {
    auto: object({ type: exactly("auto") }, parallel),
    any: object({ type: exactly("any") }, parallel),
    tool: object({ type: exactly("tool"), name }, parallel),
    none: object({ type: exactly("none") }),
  },
  "model.value",
);

const display = { display: exactly("updates", "summarized", "omitted") };
const thinking = tagged(
  {
    adaptive: object({ type: exactly("adaptive") }, display),
    enabled: object({ type: exactly("enabled"), budget_tokens: count(1, 128_000) }, display),
    disabled: object({ type: exactly("disabled") }),
  },
  "model.value",
);
const amount = object({ type: exactly("tool_uses", "input_tokens", "thinking_turns"), value: count(0, 10_000_000) });
const contextManagement = object(
  {},
  {
    edits: list(
      tagged(
        {
          clear_thinking_20251015: object({ type: exactly("clear_thinking_20251015") }, { keep: either(exactly("all"), amount) }),
          clear_tool_uses_20250919: object(
            { type: exactly("clear_tool_uses_20250919") },
            {
              ...{ trigger: amount, keep: amount, clear_at_least: amount },
              ...{ exclude_tools: list(name), clear_tool_inputs: either(flag, list(name)) },
            },
          ),
        },
        "model.value",
      ),
      16,
    ),
  },
);
const outputConfig = object(
  {},
  {
    effort: exactly("low", "medium", "high", "xhigh", "max"),
    format: object({ type: exactly("json_schema"), schema: anything }),
  },
);

const remoteFields: Record<string, [string, string]> = {
  mcp_servers: ["model.remote-field", "it makes the far end connect to a server"],
  container: ["model.remote-field", "it makes the far end run a container"],
};
const common = {
  ...{ system: contentOf({ text: textBlock }), tools: list(tool, 1_000), tool_choice: toolChoice },
  ...{ thinking, context_management: contextManagement, output_config: outputConfig },
};

/** `POST /v1/messages`. */
export const messagesBody = object(
  { model: name, max_tokens: count(1, 1_000_000), messages: list(message) },
  {
    ...common,
    ...{ stream: flag, temperature: number(0, 1), top_p: number(0, 1), top_k: count(0, 10_000), stop_sequences: list(name, 64) },
    metadata: object({}, { user_id: text(1_024) }),
  },
  remoteFields,
);

/** `POST /v1/messages/count_tokens`: it generates nothing. */
export const countBody = object({ model: name, messages: list(message) }, common, remoteFields);
