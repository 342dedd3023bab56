/** ◆ How many tokens a call can cost at most, known before it is made. */
import { createHash } from "node:crypto";
import { isRecord } from "./form.ts";

/** A request cut into what stays the same over a conversation (all but the messages) and the messages, each known by a digest. */
export interface Outline {
  head: Part;
  messages: Part[];
  maxTokens: number;
}

interface Part {
  digest: string;
  atMostTokens: number;
}

/** A call whose input was counted by the API. */
export interface Counted {
  outline: Outline;
  inputTokens: number;
}

/** No model takes more. */
const longestContext = 1_000_000;
/** What the API adds of its own where there are tools. */
const overheadTokens = 1_000;
const imageTokens = 6_000;

export function outlineOf(body: Record<string, unknown>): Outline {
  const { messages, max_tokens, stream: _, metadata: __, ...head } = body;
  return {
    head: partOf(head),
    messages: (messages as unknown[]).map(partOf),
    maxTokens: typeof max_tokens === "number" ? max_tokens : 0,
  };
}

/** No token is shorter than a byte. Where a counted call was the beginning of this one, its figure stands for that beginning. */
export function boundInput(outline: Outline, counted: readonly Counted[]): number {
  const whole = overheadTokens + outline.head.atMostTokens + sum(outline.messages);
  const others = counted.map(({ outline: known, inputTokens }) => {
    const begins =
      known.head.digest === outline.head.digest &&
      known.messages.length <= outline.messages.length &&
      known.messages.every((part, index) => part.digest === outline.messages[index]?.digest);
    return begins ? inputTokens + overheadTokens + sum(outline.messages.slice(known.messages.length)) : whole;
  });
  return Math.min(longestContext, whole, ...others);
}

function sum(parts: readonly Part[]): number {
  return parts.reduce((total, part) => total + part.atMostTokens, 0);
}

/** What body.ts takes as it comes. */
const ownData: ReadonlySet<string> = new Set(["input", "input_schema", "input_examples", "schema"]);

function partOf(value: unknown): Part {
  let atMostTokens = 0;
  const own = new WeakSet<object>();
  const text = JSON.stringify(value, function (this: object, key, inner) {
    // Within data of the agent's own nothing is a mark.
    const isOwn = own.has(this) || ownData.has(key);
    // Marks for the cache move on with each turn, and change nothing in what is read.
    if (key === "cache_control" && !isOwn) return undefined;
    if (isOwn && typeof inner === "object" && inner !== null) own.add(inner);
    if (!isRecord(inner)) return inner;
    if (inner.type === "image") atMostTokens += imageTokens;
    // Compressed inside: its length says nothing.
    if (inner.type === "document" && isRecord(inner.source) && inner.source.type === "base64") atMostTokens += longestContext;
    return inner;
  });
  atMostTokens += Buffer.byteLength(text);
  return { digest: createHash("sha256").update(text).digest("base64"), atMostTokens };
}
