/**
 * Text as PostgreSQL takes it: no NUL and no half of a surrogate pair, which it refuses with an error. Agents and GitHub send both,
 * and a text that can never be stored would be tried for ever.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}

/** JSON text of which every string is storable. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "string" ? storableText(part) : part));
}
