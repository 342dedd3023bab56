import type { CapReached } from "../../run/cap.ts";
import type { ModelUsage } from "../../run/evidence.ts";
import { boundInput, type Counted, type Outline, outlineOf } from "./bound.ts";
import type { Payment } from "./caps.ts";
import type { Charge, Ledger } from "./ledger.ts";
import { addNote, capNote, printBudgetNote } from "./note.ts";
import type { ModelPolicy } from "./policy.ts";
import { chargeOf, priceMicroUsd } from "./price.ts";

/** One call that may be made. */
export interface Permit {
  /** As it is to be sent: where little is left it may carry a note to the agent, and ask for a shorter answer. */
  body: Record<string, unknown>;
  /** "model.budget-low": such a body. */
  rule: string | undefined;
  /** Once the call has ended, however it did. Returns what it is charged at, where that is not what the answer told. */
  settle(end: CallEnd): ModelUsage | undefined;
}

export interface CallEnd {
  /** Whether the request may have reached the API. */
  sent: boolean;
  /** Of the API's answer; undefined: none came. */
  status?: number | undefined;
  usage?: ModelUsage | undefined;
  /** The usage is the last word: the answer was not cut. */
  whole: boolean;
}

export type BudgetDecision =
  | { permit: Permit }
  | { over: string }
  | { busy: true }
  /** By money that is counted over all runs. */
  | { overCap: CapReached }
  /** It could not be reserved there, and may be later: "busy", calls of other runs hold the rest; "away", the App gave no word. */
  | { unreserved: "busy" | "away" };

export interface Budget {
  ask(body: Record<string, unknown>, gone: AbortSignal): Promise<BudgetDecision>;
}

/** An answer may be cut to so many tokens before a call is refused. */
const shorter = [16_000, 4_000];
const rememberedCalls = 8;
/** Of the pinned Claude Code, before a word of the task: its first request was seen to have 87,000 bytes. */
const ownTextTokens = 80_000;

/** Money that is counted over all runs: see caps.ts. `sizes`: micro-dollars, the dearest first. */
export type Pay = (sizes: readonly number[], gone: AbortSignal) => Promise<Payment>;

/** A run's purse. A call is made only if the most that it can cost is still there, so what is set is never overspent. `patienceMs`: how
 *  long a call waits for others of the run to end, where it would fit then. `pay`: where the run is under caps over all runs too. */
export function createBudget(of: {
  ledger: Ledger;
  limit: NonNullable<ModelPolicy["budget"]>;
  patienceMs?: number;
  pay?: Pay | undefined;
}): Budget {
  const { ledger, limit, patienceMs = 30_000, pay } = of;
  const counted: Counted[] = [];
  let settled = Promise.withResolvers<void>();
  const fits = (charge: Charge, beside: Charge) => {
    const spent = ledger.spent();
    const usd = limit.microUsd === undefined || spent.microUsd + beside.microUsd + charge.microUsd <= limit.microUsd;
    return usd && (limit.tokens === undefined || spent.tokens + beside.tokens + charge.tokens <= limit.tokens);
  };

  const ring = () => {
    settled.resolve();
    settled = Promise.withResolvers();
  };

  const permit = (call: Asked, paid: Paid): Permit => {
    const { size, reservation, receipt } = paid;
    const atMost = call.usage(size);
    const used = usedShare(ledger.spent(), limit);
    const short = size < call.outline.maxTokens;
    const note = paid.byCap ? capNote : printBudgetNote(short ? Math.max(used, 0.95) : used);
    const sized = short ? { ...call.body, max_tokens: size } : call.body;
    const noted = note === undefined ? sized : addNote(sized, note);
    return {
      body: noted,
      rule: noted === call.body ? undefined : "model.budget-low",
      settle(end) {
        const cost = decideCost(atMost, end);
        const charge = chargeOf(cost);
        reservation.settle(charge);
        receipt?.settle(charge.microUsd);
        // With the note in it, it was longer than without: still the most that its beginning can cost.
        if (end.whole && end.usage && !editsContext(call.body)) {
          const { inputTokens, cacheReadTokens, cacheWriteTokens } = end.usage;
          counted.unshift({ outline: call.outline, inputTokens: inputTokens + cacheReadTokens + cacheWriteTokens });
          counted.splice(rememberedCalls);
        }
        ring();
        return cost === end.usage || cost.inputTokens + cost.outputTokens === 0 ? undefined : cost;
      },
    };
  };

  /** The run's own money first, which nobody else can take meanwhile; given back where a cap refuses. */
  const take = async (call: Asked, sizes: readonly number[], gone: AbortSignal): Promise<BudgetDecision> => {
    const [size = 0] = sizes;
    const reservation = ledger.reserve(chargeOf(call.usage(size)));
    if (!pay) return { permit: permit(call, { size, reservation, byCap: false }) };
    let payment: Payment | undefined;
    try {
      payment = await pay(
        sizes.map((each) => chargeOf(call.usage(each)).microUsd),
        gone,
      );
    } finally {
      if (payment?.is !== "granted") {
        reservation.settle(nothing);
        ring();
      }
    }
    if (payment.is === "over") return { overCap: payment.cap };
    if (payment.is !== "granted") return { unreserved: payment.is };
    return {
      permit: permit(call, { size: sizes[payment.size] ?? size, reservation, receipt: payment, byCap: payment.size > 0 }),
    };
  };

  return {
    async ask(body, gone) {
      const call = askedOf(body, counted);
      const sizes = [
        call.outline.maxTokens,
        ...shorter.filter((size) => size < call.outline.maxTokens && size > thinkingOf(body)),
      ];
      const untilMs = performance.now() + patienceMs;
      for (;;) {
        const alone = sizes.find((size) => fits(chargeOf(call.usage(size)), nothing));
        if (alone === undefined) return { over: printOver(limit, ledger.spent(), call.usage(sizes.at(-1) ?? 0)) };
        const late = performance.now() >= untilMs;
        const beside = ledger.open();
        const now = late ? sizes.find((size) => fits(chargeOf(call.usage(size)), beside)) : alone;
        if (now !== undefined && fits(chargeOf(call.usage(now)), beside))
          return take(
            call,
            sizes.filter((size) => size <= now),
            gone,
          );
        if (late || gone.aborted) return { busy: true };
        await Promise.race([settled.promise, within(untilMs - performance.now(), gone)]);
      }
    },
  };
}

/** Pure. Micro-dollars that an agent's first call is reserved at the least. Where there is less, no run can begin. */
export function firstCallMicroUsd(model: string): number {
  return priceMicroUsd({ ...none, model, cacheWriteTokens: ownTextTokens, outputTokens: Math.min(...shorter) }).microUsd;
}

/** Pure. What is not known is charged at the most that it can have been. */
export function decideCost(atMost: ModelUsage, end: CallEnd): ModelUsage {
  if (!end.sent || (end.status !== undefined && (end.status < 200 || end.status > 299))) return { ...atMost, ...none };
  if (!end.usage) return atMost;
  return end.whole ? end.usage : { ...end.usage, outputTokens: Math.max(end.usage.outputTokens, atMost.outputTokens) };
}

interface Paid {
  size: number;
  reservation: ReturnType<Ledger["reserve"]>;
  receipt?: { settle(microUsd: number): void };
  /** A cap has room for a shorter answer only. */
  byCap: boolean;
}

interface Asked {
  body: Record<string, unknown>;
  outline: Outline;
  usage(maxTokens: number): ModelUsage;
}

const nothing: Charge = { microUsd: 0, tokens: 0 };
const none = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };

function askedOf(body: Record<string, unknown>, counted: readonly Counted[]): Asked {
  const outline = outlineOf(body);
  // Written to the cache is the dearest that a token can be read.
  const cacheWriteTokens = boundInput(outline, counted);
  const model = String(body.model);
  return { body, outline, usage: (outputTokens) => ({ ...none, model, cacheWriteTokens, outputTokens }) };
}

function usedShare(spent: Charge, limit: NonNullable<ModelPolicy["budget"]>): number {
  return Math.max(
    limit.microUsd === undefined ? 0 : spent.microUsd / limit.microUsd,
    limit.tokens === undefined ? 0 : spent.tokens / limit.tokens,
  );
}

function thinkingOf(body: Record<string, unknown>): number {
  const { budget_tokens } = (body.thinking ?? {}) as { budget_tokens?: unknown };
  return typeof budget_tokens === "number" ? budget_tokens : 0;
}

/** Tool results that the API leaves out are not counted now, and might be another time. */
function editsContext(body: Record<string, unknown>): boolean {
  return JSON.stringify(body.context_management ?? {}).includes("clear_tool_uses");
}

function printOver(limit: NonNullable<ModelPolicy["budget"]>, spent: Charge, atMost: ModelUsage): string {
  const call = chargeOf(atMost);
  const assumed = priceMicroUsd(atMost).assumed
    ? ` (the price of ${atMost.model} is not known: the dearest model's is taken)`
    : "";
  const usd = (micro: number) => `${(micro / 1e6).toFixed(2)} USD`;
  const parts = [
    ...(limit.microUsd === undefined ? [] : [`${usd(spent.microUsd)} of ${usd(limit.microUsd)}`]),
    ...(limit.tokens === undefined ? [] : [`${spent.tokens} of ${limit.tokens} tokens`]),
  ];
  return `this run's budget is used up: ${parts.join(" and ")} are spent, and one more call may cost ${usd(call.microUsd)} and ${call.tokens} tokens${assumed}`;
}

async function within(waitMs: number, gone: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const clock = setTimeout(resolve, Math.max(1, waitMs));
  gone.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(clock);
}
