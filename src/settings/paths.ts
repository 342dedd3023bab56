import { type PathAction, type PathRule, parseGlob, pathActions } from "../run/path-rule.ts";

const mostRules = 200;

/**
 * Reads `GLOB=ACTION`, separated by commas or line ends; lines that begin with # are remarks. Answers the rules in their order, or a text
 * that completes "AIRLOCK_PATHS …". A pattern that stands twice is a mistake: the second would never be asked.
 */
export function parsePathRules(text: string): PathRule[] | string {
  const rules: PathRule[] = [];
  const entries = text
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith("#"))
    .flatMap((line) => line.split(","))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  if (entries.length > mostRules) return `has ${entries.length} rules, and may have ${mostRules}`;
  for (const entry of entries) {
    const named = printEntry(entry);
    const at = entry.lastIndexOf("=");
    if (at < 0) return `has ${named}, which is not GLOB=ACTION`;
    const action = entry.slice(at + 1).trim();
    if (!isAction(action)) return `has ${named}, whose action is none of ${pathActions.join(", ")}`;
    const parsed = parseGlob(entry.slice(0, at).trim());
    if ("wrong" in parsed) return `has ${named}, whose pattern ${parsed.wrong}`;
    if (rules.some(({ glob }) => glob === parsed.glob)) return `has ${named}, whose pattern stands before it already`;
    rules.push({ glob: parsed.glob, action });
  }
  return rules;
}

/** What is loosened is not loosened quietly: a sentence for each rule that can make something milder. */
export function warnOfLoose(rules: readonly PathRule[]): string[] {
  return rules
    .filter(({ action }) => action === "allow" || action === "draft")
    .map(
      ({ glob, action }) =>
        `AIRLOCK_PATHS says ${action} for ${glob}, also where Airlock's own rules hold such files; workflow files, actions and .github/agent.yml keep their rules`,
    );
}

function isAction(text: string): text is PathAction {
  return (pathActions as readonly string[]).includes(text);
}

function printEntry(entry: string): string {
  return JSON.stringify(entry.slice(0, 80));
}
