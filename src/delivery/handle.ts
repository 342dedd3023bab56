import type { Kysely } from "kysely";
import type { Probot } from "probot";
import { findWaitingDelivery } from "../store/queries/deliveries.ts";
import type { Schema } from "../store/schema.ts";

/** Feeds a stored delivery to the Probot app, which marks it once that has worked. Throws otherwise: it stays waiting and is tried again. */
export async function handleDelivery(parts: { db: Kysely<Schema>; probot: Probot }, id: string): Promise<void> {
  const delivery = await findWaitingDelivery(parts.db, id);
  if (!delivery) return;
  try {
    await parts.probot.receive({ id, name: delivery.event, payload: delivery.payload } as never);
  } catch (error) {
    // Probot's error carries the whole event, which is a person's text and no business of a log.
    throw error instanceof AggregateError && error.errors.length === 1 ? error.errors[0] : error;
  }
}
