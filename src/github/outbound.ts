/** ◆ The parameters of our calls that carry text for people; all others are names, numbers and shas of GitHub's own. */
const textNames = new Set(["body", "title", "message", "output", "summary", "text", "description"]);

/**
 * A call's parameters with every text for people redacted. The last wall: whoever writes a text redacts it too, and whoever forgets to is
 * caught here.
 */
export function redactOutbound<T extends object>(parameters: T, redact: (text: string) => string): T {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, textNames.has(name) ? redactDeep(value, redact) : value]),
  ) as T;
}

function redactDeep(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((each) => redactDeep(each, redact));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, redactDeep(each, redact)]));
}
