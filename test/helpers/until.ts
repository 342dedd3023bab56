import { setTimeout as wait } from "node:timers/promises";

/** Asks again until `look` gives something that is not undefined or false. Throws what was waited for when `withinMs` is over. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 150_000,
): Promise<T> {
  const giveUpAtMs = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > giveUpAtMs) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    // Rarely enough that looking is not what a busy machine does.
    await wait(100);
  }
}
