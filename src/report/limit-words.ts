import type { Fact } from "../run/fact.ts";

/** What a run's limits had to do with it, a sentence each: what it was not given, and what it ran into. Pure. */
export function limitNotes(facts: readonly { fact: Fact }[]): string[] {
  return [...new Set(facts.flatMap(({ fact }) => (fact.is === "prepared" ? (fact.told ?? []) : [])))];
}
