import { type CapPeriod, capPeriods } from "../run/cap.ts";

/** Millionths of a US dollar. */
export type CapAmounts = Partial<Record<CapPeriod, number>>;

/**
 * ◆ Reads `20/day,300/month`: one amount in US dollars or both, or "none". Answers a text that completes "AIRLOCK_BUDGET_USD …" where it is
 * anything else: a cap that reads otherwise than it is meant costs money.
 */
export function parseCaps(text: string): CapAmounts | string {
  if (text.trim() === "none") return {};
  const amounts: CapAmounts = {};
  for (const entry of text.split(",").map((part) => part.trim())) {
    const [, amount, per] = /^(\d{1,7}(?:\.\d{1,4})?)\/(.*)$/.exec(entry) ?? [];
    const period = capPeriods.find((each) => each === per);
    if (amount === undefined || !period)
      return `has ${JSON.stringify(entry.slice(0, 80))}, which is no amount for a day or a month, such as 20/day or 300/month`;
    if (amounts[period] !== undefined) return `says twice what may be spent in a ${period}`;
    amounts[period] = Math.round(Number(amount) * 1e6);
    if (amounts[period] === 0) return `is nothing for a ${period}: no agent could work ("none" is without limit)`;
  }
  if ((amounts.month ?? Number.POSITIVE_INFINITY) < (amounts.day ?? 0)) return "is less for a month than for a day";
  return amounts;
}
