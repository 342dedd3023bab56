import { calcPrice } from "@pydantic/genai-prices";
import type { ModelUsage } from "../run/evidence.ts";

export interface UsageTotal {
  /** Model calls that were answered with their usage. */
  turns: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  /** Absent where the price of one of the models is not known. */
  costUsd?: number;
}

/** Sums what the gateway counted. The agent's own account of it plays no part. */
export function sumUsage(usages: readonly ModelUsage[]): UsageTotal {
  const total: UsageTotal = { turns: usages.length, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
  let costUsd: number | undefined = 0;
  for (const usage of usages) {
    total.inputTokens += usage.inputTokens;
    total.outputTokens += usage.outputTokens;
    total.cacheReadTokens += usage.cacheReadTokens;
    total.cacheWriteTokens += usage.cacheWriteTokens;
    const price = priceOf(usage);
    costUsd = costUsd === undefined || price === undefined ? undefined : costUsd + price;
  }
  return costUsd === undefined || usages.length === 0 ? total : { ...total, costUsd };
}

function priceOf(usage: ModelUsage): number | undefined {
  // The table counts cached tokens as part of the input; the Messages API beside it.
  const counted = {
    input_tokens: usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    output_tokens: usage.outputTokens,
  };
  return calcPrice(counted, usage.model, { providerId: "anthropic" })?.total_price;
}
