/** Chances that a seed repeats: mulberry32. */
export interface Dice {
  /** From 0 up to, not including, 1. */
  roll(): number;
  /** A span between two. */
  span(leastMs: number, mostMs: number): number;
  pick<T>(from: readonly T[]): T;
}

export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const roll = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    roll,
    span: (leastMs, mostMs) => Math.round(leastMs + roll() * (mostMs - leastMs)),
    pick: (from) => from[Math.floor(roll() * from.length)] as (typeof from)[number],
  };
}
