/** ◆ Which of the API's unfinished features a request may switch on. */

/** What Claude Code 2.1.331 switches on in a run (shapes.json). None of them makes the far end act without a tool or field that body.ts names. */
const known: ReadonlySet<string> = new Set([
  "advanced-tool-use-2025-11-20",
  "claude-code-20250219",
  "context-management-2025-06-27",
  "effort-2025-11-24",
  "interleaved-thinking-2025-05-14",
  "mid-conversation-tool-changes-2026-07-01",
  "thinking-display-updates-2026-08-18",
  "thinking-token-count-2026-05-13",
  "token-counting-2024-11-01",
]);

/** Families that let the far end fetch, search, store or run something: asking for one is no accident. */
const remote =
  /^(?:web-|code-execution|mcp-|files-api|skills|computer-use|bash-|text-editor|message-batches|managed-agents|advisor|container|user-profiles|memory)/;

export type BetaDecision = { allowed: true; betas: string[]; dropped: string[] } | { allowed: false; rule: string; why: string };

/** `header`: the value of anthropic-beta. A feature that nobody here knows is taken out, and that is on record: the API then ignores it. */
export function decideBetas(header: string | undefined): BetaDecision {
  const asked = [...new Set((header ?? "").split(",").map((beta) => beta.trim()))].filter((beta) => beta !== "");
  const odd = asked.find((beta) => !/^[a-z0-9][a-z0-9.-]{0,99}$/.test(beta));
  if (odd !== undefined || asked.length > 64)
    return { allowed: false, rule: "model.beta", why: "anthropic-beta is no list of features" };
  const acting = asked.find((beta) => remote.test(beta));
  if (acting !== undefined)
    return { allowed: false, rule: "model.remote-beta", why: `the feature ${acting} lets the far end act by itself` };
  return { allowed: true, betas: asked.filter((beta) => known.has(beta)), dropped: asked.filter((beta) => !known.has(beta)) };
}
