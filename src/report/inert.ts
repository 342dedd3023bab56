import { printPlain } from "./plain.ts";

/**
 * The agent's Markdown, with its effects taken out and its words left readable: nothing in it is fetched, linked, called, closed or
 * referred to when GitHub renders it. Works on the text as it is and not on parsed Markdown: where GitHub's parser and ours read
 * something differently, nothing is left that has an effect in either reading. Headings, lists, emphasis, code and tables stay.
 */
export function printInert(text: string): string {
  // First what cannot be seen: it would hide the rest from the patterns below and from the reader.
  const seen = printPlain(text).replaceAll(invisible, "");
  // Each rule only puts characters between others, so that none undoes one before it. The order is that of what they could create.
  return rules.reduce((changed, [pattern, replacement]) => changed.replaceAll(pattern, replacement), seen);
}

const invisible = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]/gu;

const rules: readonly (readonly [RegExp, string])[] = [
  // References to issues and pull requests, here and elsewhere; closing words have no effect without one.
  [/#(?=\d)/g, "no. "],
  // GitHub looks at the rendered text: `_GH-4_` and `GH\-4` refer as well, though neither has a word boundary there.
  [/(?<![a-z0-9])(GH)\\*-(?=\d)/gi, "$1 "],
  // What keeps CI from running, here and at others: title and text may become a commit's message.
  [/\[(?=(?:(?:skip|no)[ _-][\w-]{1,30}|[\w-]{1,30}[ _-]skip)\])/gi, "[ "],
  [/\*{3}(?=NO_CI\*{3})/gi, "*** "],
  // Entities: `&#64;` would become the character that the next rules look for.
  [/&(?=#|[a-z][a-z0-9]*;)/gi, "& "],
  // HTML: tags, comments, declarations; `<` stays in comparisons.
  [/<(?=[a-z/!?])/gi, "< "],
  // Mentions of people and teams, and owner/repo@commit.
  [/@(?=[\p{L}\p{N}_-])/gu, "@ "],
  // A box of GitHub's own, which would pass for its warning.
  [/\[(?=!)/g, "[ "],
  // Images, links, references, their definitions.
  [/!(?=\[)/g, "! "],
  [/\](?=[([:])/g, "] "],
  // What GitHub links by itself.
  [/:(?=\\*\/\\*\/)/g, ": "],
  [/(?<![a-z0-9])(www)(?=\\*\.)/gi, "$1 "],
  // Fences that are drawn by a program, some of which fetch.
  [/^([ \t>]*(?:`{3,}|~{3,})[ \t]*)(mermaid|geojson|topojson|stl|math)\b.*$/gim, "$1text"],
  // Mathematics is drawn by a program as well.
  [/\$(?=[$`])/g, "$$ "],
];
