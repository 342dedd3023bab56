/** One piece of a pattern: what it takes, and how often. */
interface Token {
  takes(char: string): boolean;
  least: number;
  most: number;
}

const maxPatternChars = 256;

/**
 * ◆ Whether GitHub's branch filter lets the branch through: `*` (not over "/"), `**`, `?` and `+` after a character, `[…]`, and `!` for what
 * is taken away again; the last that matches decides. Undefined: a pattern that cannot be read.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
 */
export function passesFilter(patterns: readonly string[], branch: string): boolean | undefined {
  if (patterns.length > 100) return undefined;
  let passes = false;
  for (const pattern of patterns) {
    const takesAway = pattern.startsWith("!");
    const matched = matches(takesAway ? pattern.slice(1) : pattern, branch);
    if (matched === undefined) return undefined;
    if (matched) passes = !takesAway;
  }
  return passes;
}

/** By a table of places instead of a regular expression: no pattern makes it slow. */
function matches(pattern: string, text: string): boolean | undefined {
  const tokens = pattern.length <= maxPatternChars ? readTokens(pattern) : undefined;
  if (!tokens) return undefined;
  const chars = [...text];
  // reached[i]: the tokens so far can have taken the first i characters.
  let reached = Array.from({ length: chars.length + 1 }, (_, i) => i === 0);
  for (const { takes, least, most } of tokens) {
    const next = reached.map(() => false);
    for (let from = 0; from <= chars.length; from++) {
      if (!reached[from]) continue;
      for (let count = 0; count <= most; count++) {
        if (count >= least) next[from + count] = true;
        const char = chars[from + count];
        if (char === undefined || !takes(char)) break;
      }
    }
    reached = next;
  }
  return reached[chars.length] ?? false;
}

function readTokens(pattern: string): Token[] | undefined {
  const chars = [...pattern];
  const tokens: Token[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? "";
    const last = tokens.at(-1);
    if (char === "*") {
      const deep = chars[i + 1] === "*";
      if (deep) i++;
      tokens.push({ takes: (c) => deep || c !== "/", least: 0, most: Number.POSITIVE_INFINITY });
    } else if (char === "?" || char === "+") {
      if (!last) return undefined;
      if (char === "?") last.least = 0;
      else last.most = Number.POSITIVE_INFINITY;
    } else if (char === "[") {
      const end = chars.indexOf("]", i + 1);
      const takes = end < 0 ? undefined : readClass(chars.slice(i + 1, end));
      if (!takes) return undefined;
      tokens.push({ takes, least: 1, most: 1 });
      i = end;
    } else if (char === "\\") {
      const escaped = chars[++i];
      if (escaped === undefined) return undefined;
      tokens.push({ takes: (c) => c === escaped, least: 1, most: 1 });
    } else tokens.push({ takes: (c) => c === char, least: 1, most: 1 });
  }
  return tokens;
}

/** Letters, digits and ranges of them, as GitHub allows. */
function readClass(chars: readonly string[]): ((char: string) => boolean) | undefined {
  const ranges: [string, string][] = [];
  for (let i = 0; i < chars.length; i++) {
    const from = chars[i] ?? "";
    if (!/^[\w.-]$/.test(from)) return undefined;
    const to = chars[i + 1] === "-" ? chars[i + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) i += 2;
  }
  return ranges.length === 0 ? undefined : (char) => ranges.some(([from, to]) => char >= from && char <= to);
}
