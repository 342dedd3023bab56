import type { Dice } from "./dice.ts";

/** Cards in an order that the dice give, none drawn a second time before all others that fit were. */
export interface Deck<T> {
  draw(fits: (card: T) => boolean): T | undefined;
}

export function createDeck<T>(dice: Dice, cards: readonly T[]): Deck<T> {
  const left = [...cards];
  for (let at = left.length - 1; at > 0; at--) {
    const other = Math.floor(dice.roll() * (at + 1));
    [left[at], left[other]] = [left[other] as T, left[at] as T];
  }
  return {
    draw(fits) {
      const at = left.findIndex(fits);
      if (at < 0) return undefined;
      const [card] = left.splice(at, 1);
      left.push(card as T);
      return card;
    },
  };
}
