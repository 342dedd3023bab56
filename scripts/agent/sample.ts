import type { RecordedRequest } from "./shape.ts";

/** ◆ Small bodies that stand for all that were recorded: texts are cut, and of equal things in a list one is kept. For the policy's tests. */
export function samplesOf(requests: readonly RecordedRequest[]): { target: string; body: unknown }[] {
  const seen = new Set<string>();
  const samples: { target: string; body: unknown }[] = [];
  for (const { target, body } of requests) {
    const small = shrink(body, "");
    const key = `${target} ${outline(small)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    samples.push({ target, body: small });
  }
  return samples;
}

const longestText = 12;

function shrink(value: unknown, name: string): unknown {
  if (name === "input_schema" || name === "input" || name === "schema") return {};
  if (name === "budget_tokens" || name === "max_tokens") return 1_000;
  if (Array.isArray(value)) {
    const kept = new Map<string, unknown>();
    for (const item of value) {
      const small = shrink(item, "");
      kept.set(outline(small), small);
    }
    return [...kept.values()];
  }
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shrink(inner, key)]));
  // Words of the API's own stay; what was said does not.
  if (typeof value === "string" && (free.has(name) || name === "")) return value.slice(0, longestText).replace(/[^a-z]/gi, "x");
  return value;
}

const free = new Set([
  "text",
  "content",
  "thinking",
  "signature",
  "data",
  "description",
  "user_id",
  "id",
  "tool_use_id",
  "tool_name",
  "name",
]);

/** Two things with the same fields and words are one. */
function outline(value: unknown): string {
  return JSON.stringify(value, (key, inner) => (free.has(key) && typeof inner === "string" ? "" : inner));
}
