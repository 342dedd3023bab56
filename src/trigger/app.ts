import type { ApplicationFunction } from "probot";
import { Fault } from "../fault.ts";
import { firstError, isHttpError, isPassing, messageOf, statusOf } from "../github/api.ts";
import { findWaitingDelivery, givenUp, markDeliveryHandled } from "../store/queries/deliveries.ts";
import { handleTrigger, type TriggerParts } from "./handle.ts";
import { parseTrigger } from "./parse.ts";

/** The triggers as an ordinary Probot app, fed with the stored deliveries. `onHandled`: what came of each. */
export function loadTriggers(parts: TriggerParts, onHandled: (deliveryId: string, note: string) => void): ApplicationFunction {
  return (app) => {
    app.onAny(async (event) => {
      const stored = await findWaitingDelivery(parts.db, event.id);
      const receivedAtMs = stored?.receivedAtMs ?? parts.nowMs();
      const note = await handleTrigger(parts, parseTrigger(event.name, event.payload), {
        receivedAtMs,
        fromLog: stored?.fromLog ?? false,
      }).catch(giveUp);
      await markDeliveryHandled(parts.db, event.id, note);
      onHandled(event.id, note);
    });
  };
}

/** A refusal for good is the delivery's note: kept waiting, it would ask for a token every few seconds, for ever. Throws all else again. */
function giveUp(thrown: unknown): string {
  const error = firstError(thrown);
  if (isPassing(error)) throw error;
  if (error instanceof Fault) return `${givenUp}${error.code}: ${error.message}`;
  if (isHttpError(error)) return `${givenUp}GitHub answered ${statusOf(error)}: ${messageOf(error)}`;
  throw error;
}
