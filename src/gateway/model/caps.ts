import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../../fault.ts";
import { callControl } from "../../privilege/control-client.ts";
import type { CapReached, CapVerdict } from "../../run/cap.ts";
import type { RunId } from "../../run/identity.ts";
import type { Receipts } from "./receipts.ts";

/** Money that is counted over all runs is the App's: it has the store. Asked before each call of a run that is under such caps. */
export interface Caps {
  /** Reserves one of `sizes` (micro-dollars, the dearest first), and holds the call meanwhile where calls under way, or an App that is
   *  starting again, are in its way. Never lets one pass without the App's word. */
  pay(wish: { run: RunId; sizes: readonly number[]; gone: AbortSignal }): Promise<Payment>;
  /** Tells the App what it can still be told. */
  close(): Promise<void>;
}

export type Payment =
  /** `size`: which one. Settled once, with what it did cost. */
  | { is: "granted"; size: number; settle(microUsd: number): void }
  | { is: "over"; cap: CapReached }
  /** To be tried again: "busy", others hold the rest; "away", the App does not answer, or with an error. */
  | { is: "busy" | "away" };

export interface CapsPlace {
  /** The App's socket, which this process alone may reach beside it. */
  socketPath: string;
  receipts: Receipts;
  /** How long a call is held: shorter than the agent's own limit for a request without an answer. */
  patienceMs: number;
  /** How long one question may take. */
  askMs?: number;
}

export function openCaps({ socketPath, receipts, patienceMs, askMs = 10_000 }: CapsPlace): Caps {
  const post = async (path: string, body: object): Promise<unknown> => {
    const { status, body: answer } = await callControl({
      ...{ socketPath, method: "POST", path, body: JSON.stringify(body), limitBytes: 65_536 },
      signal: AbortSignal.timeout(askMs),
    });
    if (status !== 200) throw new Error(`the App answered ${status}`);
    return JSON.parse(answer.toString("utf8"));
  };
  const ask = async (wish: {
    id: string;
    run: RunId;
    sizes: readonly number[];
    late: boolean;
  }): Promise<CapVerdict | "never-heard" | "unknown"> => {
    try {
      return parseVerdict(await post("/reserve", wish), wish.sizes.length) ?? "unknown";
    } catch (error) {
      return isUnheard(error) ? "never-heard" : "unknown";
    }
  };

  let telling: Promise<void> | undefined;
  let clock: NodeJS.Timeout | undefined;
  let failures = 0;
  /** One after the other; what fails is tried again for as long as this process lives, and by the next one. */
  const tellAll = async () => {
    await Promise.resolve();
    try {
      for (let owed = receipts.owed(); owed.length > 0; owed = receipts.owed())
        for (const { id, run, microUsd } of owed) {
          await post("/settle", { id, run, microUsd });
          receipts.drop(id);
        }
      failures = 0;
    } catch {
      failures += 1;
      clock = setTimeout(() => void tell(), Math.min(5_000, 100 * 2 ** failures)).unref();
    } finally {
      // In the same breath as the last look: what is settled from now on is told anew.
      telling = undefined;
    }
  };
  const tell = (): Promise<void> => {
    clearTimeout(clock);
    telling ??= tellAll();
    return telling;
  };
  const settle = (id: string, microUsd: number) => {
    receipts.settle(id, microUsd);
    void tell();
  };
  void tell();

  return {
    async pay({ run, sizes, gone }) {
      const untilMs = performance.now() + patienceMs;
      let id: string | undefined;
      for (let waitMs = 100; ; waitMs = Math.min(1_000, waitMs * 2)) {
        const late = performance.now() >= untilMs;
        if (id === undefined) {
          id = randomUUID();
          receipts.ask(id, run);
        }
        const verdict = await ask({ id, run, sizes, late });
        if (verdict === "unknown") {
          // It may be made or not, now or in a moment: it is settled for nothing, and the next try is another one.
          settle(id, 0);
          id = undefined;
        } else if (verdict !== "never-heard" && verdict.is === "granted") {
          const granted = id;
          receipts.grant(granted, sizes[verdict.size] ?? 0);
          return { ...verdict, settle: (microUsd) => settle(granted, microUsd) };
        } else if (verdict !== "never-heard" && verdict.is === "over") {
          receipts.drop(id);
          return verdict;
        }
        if (late || gone.aborted) {
          if (id !== undefined) receipts.drop(id);
          return { is: typeof verdict === "string" ? "away" : "busy" };
        }
        // What fails in an unknown way leaves a trace each time.
        const pauseMs = verdict === "unknown" ? 5_000 : waitMs;
        await wait(Math.max(1, Math.min(pauseMs, untilMs - performance.now())), undefined, { signal: gone }).catch(() => {});
      }
    },
    async close() {
      await tell();
      clearTimeout(clock);
    },
  };
}

/** Nobody listens there: nothing was asked. */
function isUnheard(error: unknown): boolean {
  const { code } = ((error instanceof Fault && error.cause) || {}) as { code?: unknown };
  return code === "ECONNREFUSED" || code === "ENOENT";
}

/** Anything else than what the App answers is no word of its. */
function parseVerdict(answer: unknown, sizes: number): CapVerdict | undefined {
  const { is, size, cap } = (answer ?? {}) as { is?: unknown; size?: unknown; cap?: unknown };
  if (is === "busy") return { is };
  if (is === "granted" && Number.isInteger(size) && (size as number) >= 0 && (size as number) < sizes)
    return { is, size: size as number };
  if (is === "over" && typeof cap === "object" && cap !== null) return { is, cap: cap as CapReached };
  return undefined;
}
