import type { Fact } from "../run/fact.ts";

/** What a person may not have seen in the text that the agent was given, a sentence each, without its full stop. Pure. */
export function promptNotes(facts: readonly { fact: Fact }[]): string[] {
  return facts.flatMap(({ fact }) => {
    if (fact.is !== "prepared") return [];
    const { removed, lookAlikes = [] } = fact;
    return [
      ...(removed.length > 0 ? [`Removed from the prompt: ${removed.join(", ")}`] : []),
      ...(lookAlikes.length > 0 ? [`Letters in the prompt that look like others: ${lookAlikes.join(", ")}`] : []),
    ];
  });
}
