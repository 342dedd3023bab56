import type { ApplicationFunction } from "probot";
import { markDeliveryHandled } from "../store/queries/deliveries.ts";
import { handleTrigger, type TriggerParts } from "./handle.ts";
import { parseTrigger } from "./parse.ts";

/** The triggers as an ordinary Probot app, fed with the stored deliveries. `onHandled`: what came of each. */
export function loadTriggers(parts: TriggerParts, onHandled: (deliveryId: string, note: string) => void): ApplicationFunction {
  return (app) => {
    app.onAny(async (event) => {
      const note = await handleTrigger(parts, parseTrigger(event.name, event.payload));
      await markDeliveryHandled(parts.db, event.id, note);
      onHandled(event.id, note);
    });
  };
}
