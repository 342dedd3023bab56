/** A stretch of text, `end` exclusive, in UTF-16 units. */
export interface Span {
  start: number;
  end: number;
}

// Every quantifier is bounded or runs over classes that the next part cannot start with, so that no text makes the scan slow.
// A line break, also as JSON writes it, once or twice over.
const gap = "(?:\\s|\\\\{1,4}(?:[nrt]|u000[ad]))";
const shapes: readonly { kind: string; source: string }[] = [
  // Newer installation tokens carry a JWT after the prefix.
  { kind: "github-token", source: "gh[pousr]_[A-Za-z0-9_]{16,1024}(?:\\.[A-Za-z0-9_-]{8,2048}){0,2}" },
  { kind: "github-token", source: "github_pat_[A-Za-z0-9_]{22,255}" },
  { kind: "anthropic-key", source: "sk-ant-[A-Za-z0-9_-]{16,255}" },
  { kind: "openai-key", source: "sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,255}" },
  { kind: "aws-key", source: "(?:AKIA|ASIA)[A-Z0-9]{16}" },
  { kind: "slack-token", source: "(?:xox[abeprs]|xapp)-[A-Za-z0-9-]{10,255}" },
  { kind: "npm-token", source: "npm_[A-Za-z0-9]{36,255}" },
  { kind: "google-key", source: "AIza[A-Za-z0-9_-]{35}" },
  { kind: "gitlab-token", source: "glpat-[A-Za-z0-9_-]{20,255}" },
  { kind: "pypi-token", source: "pypi-AgE[A-Za-z0-9_-]{50,1024}" },
  { kind: "stripe-key", source: "[rs]k_live_[A-Za-z0-9]{16,255}" },
  { kind: "jwt", source: "eyJ[A-Za-z0-9_-]{10,300}\\.eyJ[A-Za-z0-9_-]{10,4096}\\.[A-Za-z0-9_-]{16,1024}" },
  { kind: "url-password", source: "://[^/\\s:@\"']{1,64}:[^/\\s:@\"']{6,255}@" },
  {
    kind: "private-key",
    source:
      "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----" +
      `(?:${gap}+(?:(?:Proc-Type|DEK-Info): [\\w,. -]{1,80}|[A-Za-z0-9+/=]{20,8192}))+` +
      `(?:${gap}+[A-Za-z0-9+/=]{1,19})?(?:${gap}*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?`,
  },
];

/** Every stretch that looks like a credential of a well-known kind, whoever's it is. In order of kinds, not of places; they may overlap. */
export function findSecretShapes(text: string): (Span & { kind: string })[] {
  return shapes.flatMap(({ kind, source }) =>
    Array.from(text.matchAll(new RegExp(source, "g")), (match) => ({
      kind,
      start: match.index,
      end: match.index + match[0].length,
    })),
  );
}
