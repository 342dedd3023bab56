import { setTimeout as wait } from "node:timers/promises";
import type { Kysely } from "kysely";
import type { Probot } from "probot";
import { claimDelivery, findWaitingDelivery, isInOtherHands, releaseDelivery } from "../store/queries/deliveries.ts";
import type { Schema } from "../store/schema.ts";

/** Longer than any takes that is still handled: GitHub may answer slowly, and be asked again. */
const leaseMs = 180_000;

/** Feeds a stored delivery to the Probot app, which marks it once that has worked. Throws otherwise: it stays waiting and is tried again. */
export async function handleDelivery(
  parts: { db: Kysely<Schema>; probot: Probot; holder: string; nowMs(): number },
  id: string,
): Promise<void> {
  const { db, holder } = parts;
  if (!(await claimDelivery(db, { id, holder, nowMs: parts.nowMs(), leaseMs }))) return;
  const delivery = await findWaitingDelivery(db, id);
  if (!delivery) return;
  try {
    await parts.probot.receive({ id, name: delivery.event, payload: delivery.payload } as never);
  } catch (error) {
    await releaseDelivery(db, { id, holder });
    // Probot's error carries the whole event, which is a person's text and no business of a log.
    throw error instanceof AggregateError && error.errors.length === 1 ? error.errors[0] : error;
  }
}

/** No stop of this process waits longer than that for another one. */
const patienceMs = 30_000;

/** Resolves when nobody else is handling it: what comes after it, and may be about what it began, must not overtake it. */
export async function awaitOthers(parts: { db: Kysely<Schema>; holder: string; nowMs(): number }, id: string): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  while (performance.now() < untilMs && (await isInOtherHands(parts.db, { id, holder: parts.holder, nowMs: parts.nowMs() })))
    await wait(100);
}
