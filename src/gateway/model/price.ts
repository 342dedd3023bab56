import { calcPrice, findProvider } from "@pydantic/genai-prices";
import type { ModelUsage } from "../../run/evidence.ts";
import type { Charge } from "./ledger.ts";

/** Millionths of a US dollar, rounded up. A model that the kept table does not know costs as much as the dearest that it does know. */
export function priceMicroUsd(usage: ModelUsage): { microUsd: number; assumed: boolean } {
  const known = priceUsd(usage, usage.model);
  if (known !== undefined) return { microUsd: Math.ceil(known * 1e6), assumed: false };
  const models = findProvider({ providerId })?.models ?? [];
  const dearest = Math.max(0, ...models.map(({ id }) => priceUsd(usage, id) ?? 0));
  // A table without a single price is no reason to let calls pass for nothing.
  if (dearest === 0 && usage.inputTokens + usage.outputTokens > 0) throw new Error("the price table is empty");
  return { microUsd: Math.ceil(dearest * 1e6), assumed: true };
}

/** All that the API counts, and its price. */
export function chargeOf(usage: ModelUsage): Charge {
  const tokens = usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
  return { microUsd: tokens === 0 ? 0 : priceMicroUsd(usage).microUsd, tokens };
}

const providerId = "anthropic";

function priceUsd(usage: ModelUsage, model: string): number | undefined {
  // The table counts cached tokens as part of the input; the Messages API beside it.
  const counted = {
    input_tokens: usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    output_tokens: usage.outputTokens,
  };
  return calcPrice(counted, model, { providerId })?.total_price;
}
