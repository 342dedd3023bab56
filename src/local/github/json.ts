// Part of the language since 2025, and not yet of TypeScript's descriptions.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** JSON text as GitHub writes it: ids above 2^53 are numbers with all their digits. */
export function printJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? rawJSON(part.toString()) : part));
}

/** The same value with ids that a validator can count. */
export function withoutBigIntegers(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(printJson(value));
}
