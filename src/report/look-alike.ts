/** ◆ Letters that look like others: "pаypal" with a Cyrillic "а". After Unicode TR39, by whole words; honest text of any one script has none. */

/** `letters`: those that are not what they look like, as "U+0430 Cyrillic". */
export interface LookAlike {
  word: string;
  letters: string[];
}

/** By Script_Extensions: what several scripts share belongs to none of them. Styled: forms of Latin letters that are folded to them. */
const scripts = [
  ["styled", /[\u{1d400}-\u{1d7ff}\uff21-\uff3a\uff41-\uff5a]/u],
  ["Latin", /\p{Script=Latin}/u],
  ["Cyrillic", /\p{Script=Cyrillic}/u],
  ["Greek", /\p{Script=Greek}/u],
  ["Armenian", /\p{Script=Armenian}/u],
  ["Cherokee", /\p{Script=Cherokee}/u],
  ["Coptic", /\p{Script=Coptic}/u],
  ["Lisu", /\p{Script=Lisu}/u],
] as const;
type Script = (typeof scripts)[number][0];

/** The letters of each script that are drawn as letters of another of these. Whole scripts where nearly all are. */
const alike: Readonly<Record<Script, RegExp>> = {
  styled: /./u,
  Latin: /[abceghijklmnopqrstuvwxyzABCEHIJKMOPSTXYZ]/u,
  Cyrillic: /[аеорсухіјѕһԁԛԝѵкмтвнпгАВЕКМНОРСТХІЈЅҮԌԚԜ]/u,
  Greek: /[αγικνορυωχτϲΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ]/u,
  Armenian: /[աոսօցքհյզՏՍՕԼ]/u,
  Cherokee: /./u,
  Coptic: /./u,
  Lisu: /./u,
};

const words = /[\p{L}\p{M}\p{N}_]+/gu;
const most = 20;

/** The first twenty of a text, each word once. */
export function findLookAlikes(text: string): LookAlike[] {
  if (!beyondAscii.test(text)) return [];
  const feigned = findFeigned(text);
  const found = new Map<string, LookAlike>();
  for (const [word] of text.matchAll(words)) {
    if (found.size >= most) break;
    const letters = beyondAscii.test(word) && !found.has(word) ? strangersIn(word, feigned) : [];
    if (letters.length > 0) found.set(word, { word, letters: [...new Set(letters)].map(nameLetter) });
  }
  return [...found.values()];
}

/** The same text, in which such letters of addresses and names of files are named instead: nothing that acts is taken for another. */
export function nameLookAlikes(text: string): { text: string; found: LookAlike[] } {
  const found = findLookAlikes(text);
  if (found.length === 0) return { text, found };
  const feigned = findFeigned(text);
  const named = text.replaceAll(/\S+/gu, (token) => {
    if (!beyondAscii.test(token) || !/:\/\/|@|[\p{L}\p{N}]\.\p{L}{2}/u.test(token)) return token;
    return token.replaceAll(words, (word) => {
      const strange = new Set(strangersIn(word, feigned));
      return strange.size === 0 ? word : [...word].map((char) => (strange.has(char) ? `⟨${codeOf(char)}⟩` : char)).join("");
    });
  });
  return { text: named, found };
}

/** "pаypal" (U+0430 Cyrillic) */
export function printLookAlike({ word, letters }: LookAlike): string {
  return `"${[...word].slice(0, 40).join("")}" (${letters.slice(0, 5).join(", ")})`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is what is meant
const beyondAscii = /[^\u0000-\u007f]/;

/** Scripts of which a text with Latin letters has none but look-alikes: an honest one has the others too. */
function findFeigned(text: string): Set<Script> {
  const plain = new Set<Script>();
  const seen = new Set<Script>();
  for (const char of new Set(text)) {
    const script = beyondAscii.test(char) ? scriptOf(char) : undefined;
    if (script) (alike[script].test(char) ? seen : plain).add(script);
  }
  // Wide letters are at home between those of East Asia.
  if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(text)) plain.add("styled");
  const only = [...seen].filter((script) => script !== "Latin" && !plain.has(script));
  return /[A-Za-z]{2}/.test(text) ? new Set(only) : new Set();
}

function strangersIn(word: string, feigned: ReadonlySet<Script>): string[] {
  const letters = [...word].flatMap((char) => {
    const script = scriptOf(char);
    return script ? [{ char, script }] : [];
  });
  const counts = Map.groupBy(letters, ({ script }) => script);
  if (counts.size === 1) {
    const [script] = counts.keys();
    return script && letters.length > 1 && feigned.has(script) ? letters.map(({ char }) => char) : [];
  }
  if (counts.size === 0) return [];
  // The script of most letters is the word's, Latin where two are even; the others' letters are strangers if they are drawn like its own.
  const [own] = [...counts].sort(
    ([one, a], [other, b]) => b.length - a.length || (one === "Latin" ? -1 : other === "Latin" ? 1 : 0),
  );
  return letters.filter(({ char, script }) => script !== own?.[0] && alike[script].test(char)).map(({ char }) => char);
}

function scriptOf(char: string): Script | undefined {
  if (!beyondAscii.test(char)) return /[A-Za-z]/.test(char) ? "Latin" : undefined;
  return scripts.find(([, pattern]) => pattern.test(char))?.[0];
}

function codeOf(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function nameLetter(char: string): string {
  return `${codeOf(char)} ${scriptOf(char) ?? ""}`.trim();
}
