import type { RunId } from "../run/identity.ts";
import { readChange, showChange } from "./change.ts";
import type { Markup } from "./markup.ts";
import type { ReadPatch } from "./patch.ts";

export interface DrawnChange {
  change: ReadPatch;
  /** Drawn at the first call. */
  draw(): Markup;
}

/** Draws each run's change once: a large diff costs up to a second, and everybody who holds the page's address may ask for it. */
export function createDrawnChanges(limitRuns = 16): (run: RunId, patch: string) => DrawnChange {
  const kept = new Map<RunId, { patch: string; drawn: DrawnChange }>();
  return (run, patch) => {
    const found = kept.get(run);
    kept.delete(run);
    const entry = found?.patch === patch ? found : { patch, drawn: prepare(patch) };
    kept.set(run, entry);
    for (const oldest of kept.keys()) {
      if (kept.size <= limitRuns) break;
      kept.delete(oldest);
    }
    return entry.drawn;
  };
}

function prepare(patch: string): DrawnChange {
  const change = readChange(patch);
  let markup: Markup | undefined;
  return {
    change,
    draw: () => {
      markup ??= showChange(change);
      return markup;
    },
  };
}
