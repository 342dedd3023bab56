import { createParser } from "eventsource-parser";
import type { ModelUsage } from "../../run/evidence.ts";

/** Reads along with an answer of the Messages API and counts what it cost. Never holds the answer up. */
export interface UsageMeter {
  push(chunk: Buffer): void;
  /** undefined: the answer told no usage. */
  result(): ModelUsage | undefined;
  /** The usage is the last word: the answer was told to its end. */
  whole(): boolean;
}

/** A plain answer longer than this is passed on all the same, but not counted from. */
const longestJsonBytes = 8 * 1024 * 1024;

export function createUsageMeter(contentType: string): UsageMeter {
  const usage: Partial<ModelUsage> = {};
  const result = () => (usage.model === undefined ? undefined : complete(usage));
  let whole = false;
  if (contentType.startsWith("text/event-stream")) {
    const decoder = new TextDecoder();
    const parser = createParser({
      onEvent(event) {
        if (event.event !== "message_start" && event.event !== "message_delta") return;
        const data = parseObject(event.data);
        const message = event.event === "message_start" ? readObject(data?.message) : data;
        take(usage, message);
        // Counts from the beginning, and comes after the last block.
        if (event.event === "message_delta" && readObject(data?.usage)) whole = true;
      },
    });
    return { push: (chunk) => parser.feed(decoder.decode(chunk, { stream: true })), result, whole: () => whole };
  }
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    push(chunk) {
      size += chunk.length;
      if (size <= longestJsonBytes) chunks.push(chunk);
    },
    result() {
      const told = size <= longestJsonBytes ? parseObject(Buffer.concat(chunks).toString("utf8")) : undefined;
      take(usage, told);
      whole = readObject(told?.usage) !== undefined;
      return result();
    },
    whole: () => whole,
  };
}

/** Later events replace earlier figures: `message_delta` counts from the beginning of the message. */
function take(usage: Partial<ModelUsage>, message: Record<string, unknown> | undefined): void {
  if (typeof message?.model === "string") usage.model = message.model.slice(0, 128);
  const told = readObject(message?.usage);
  const read = (name: string) => (Number.isSafeInteger(told?.[name]) ? (told?.[name] as number) : undefined);
  usage.inputTokens = read("input_tokens") ?? usage.inputTokens ?? 0;
  usage.outputTokens = read("output_tokens") ?? usage.outputTokens ?? 0;
  usage.cacheReadTokens = read("cache_read_input_tokens") ?? usage.cacheReadTokens ?? 0;
  usage.cacheWriteTokens = read("cache_creation_input_tokens") ?? usage.cacheWriteTokens ?? 0;
}

function complete(usage: Partial<ModelUsage>): ModelUsage {
  const { model = "", inputTokens = 0, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage;
  return { model, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return readObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function readObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}
