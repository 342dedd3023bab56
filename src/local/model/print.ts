import type { Answer } from "./decide.ts";

type Said = Extract<Answer, { do: "say" }>;

/** What names an answer on the wire. `inputTokens`: an estimate, four bytes a token, unless the scenario says otherwise. */
export interface Envelope {
  messageId: string;
  toolId: string;
  model: string;
  inputTokens: number;
  /** Set where the request allows so few tokens that the answer would not fit (a quota check asks for one). */
  maxTokens: number | undefined;
}

const mostDeltas = 64;
const smallestDelta = 24;

/** The whole answer as the Messages API gives it without streaming. */
export function printMessage(said: Said, envelope: Envelope) {
  const content = contentOf(said, envelope);
  return {
    id: envelope.messageId,
    type: "message",
    role: "assistant",
    model: envelope.model,
    content,
    stop_reason: stopReasonOf(said, envelope),
    stop_sequence: null,
    usage: usageOf(said, envelope, JSON.stringify(content)),
  };
}

/** The same answer as the events of a stream, in order. */
export function printEvents(said: Said, envelope: Envelope): { type: string; [field: string]: unknown }[] {
  const whole = printMessage(said, envelope);
  const start = { ...whole, content: [], stop_reason: null, usage: { ...whole.usage, output_tokens: 1 } };
  return [
    { type: "message_start", message: start },
    { type: "ping" },
    ...whole.content.flatMap((block, index) => {
      const { empty, deltas } = piecesOf(block);
      return [
        { type: "content_block_start", index, content_block: empty },
        ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
        { type: "content_block_stop", index },
      ];
    }),
    { type: "message_delta", delta: { stop_reason: whole.stop_reason, stop_sequence: null }, usage: whole.usage },
    { type: "message_stop" },
  ];
}

export function printError(error: { type: string; message: string; requestId: string }) {
  return { type: "error", error: { type: error.type, message: error.message }, request_id: error.requestId };
}

/** Anthropic's error type for a status. */
export function errorTypeOf(status: number): string {
  const types: Record<number, string> = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
  };
  return types[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
}

/** A block as a stream gives it: empty at first, then piece by piece. */
function piecesOf(block: Block): { empty: Block; deltas: { type: string; [field: string]: unknown }[] } {
  switch (block.type) {
    case "text":
      return { empty: { ...block, text: "" }, deltas: split(block.text).map((text) => ({ type: "text_delta", text })) };
    case "thinking":
      return {
        empty: { ...block, thinking: "", signature: "" },
        deltas: [
          ...split(block.thinking).map((thinking) => ({ type: "thinking_delta", thinking })),
          { type: "signature_delta", signature: block.signature },
        ],
      };
    case "tool_use":
      return {
        empty: { ...block, input: {} },
        deltas: ["", ...split(JSON.stringify(block.input))].map((json) => ({ type: "input_json_delta", partial_json: json })),
      };
  }
}

type Block =
  | { type: "text"; text: string }
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "tool_use"; id: string; name: string; input: Record<string, unknown> };

function contentOf(said: Said, envelope: Envelope): Block[] {
  const text: Block[] = said.text === undefined || said.text === "" ? [] : [{ type: "text", text: said.text }];
  const tool: Block[] = said.tool ? [{ type: "tool_use", id: envelope.toolId, ...said.tool }] : [];
  const { thinking } = said;
  const thought: Block[] = thinking ? [{ type: "thinking", thinking, signature: "bG9jYWwtbW9kZWw=" }] : [];
  return [...thought, ...text, ...tool];
}

function stopReasonOf(said: Said, envelope: Envelope): string {
  if (said.tool) return "tool_use";
  return envelope.maxTokens === 1 ? "max_tokens" : "end_turn";
}

function usageOf(said: Said, envelope: Envelope, text: string) {
  return {
    input_tokens: said.usage?.inputTokens ?? envelope.inputTokens,
    cache_creation_input_tokens: said.usage?.cacheWriteTokens ?? 0,
    cache_read_input_tokens: said.usage?.cacheReadTokens ?? 0,
    output_tokens: said.usage?.outputTokens ?? Math.ceil(text.length / 4),
    service_tier: "standard",
  };
}

// By code points: half of a surrogate pair would not survive the wire.
function split(text: string): string[] {
  const points = [...text];
  const size = Math.max(smallestDelta, Math.ceil(points.length / mostDeltas));
  const pieces: string[] = [];
  for (let at = 0; at < points.length; at += size) pieces.push(points.slice(at, at + size).join(""));
  return pieces;
}
