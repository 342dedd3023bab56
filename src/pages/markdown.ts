import { html } from "hono/html";
import createMarkdown, { type MarkdownIt, type Token } from "markdown-it";
import { printCount } from "../report/words.ts";
import { admitMarkup, type Markup } from "./markup.ts";
import { cutText, printCalm } from "./visible.ts";

export const markdownLimitChars = 64_000;

/**
 * The agent's Markdown as inert HTML. No HTML of its own, no image, and no link but into the run's own repository: a foreign
 * address is written out as text, since a page of ours must not lend its name to where an injected agent points.
 */
export function showMarkdown(text: string, options: { repositoryUrl: string; limitChars?: number }): Markup {
  const { text: kept, cutChars } = cutText(printCalm(text), options.limitChars ?? markdownLimitChars);
  const body = admitMarkup(createParser(options.repositoryUrl).render(kept));
  return html`<div class="prose">${body}${cutChars ? html`<p class="cut">Cut here: ${printCount(cutChars)} more characters.</p>` : ""}</div>`;
}

function createParser(repositoryUrl: string): MarkdownIt {
  const parser = createMarkdown({ html: false, linkify: false, typographer: false }).disable("image");
  // A refused link stays as its source text. Relative and //host links are refused too.
  parser.validateLink = (url) => /^https?:\/\//i.test(url);
  parser.core.ruler.push("tame", (state) => {
    for (const token of state.tokens) tameBlock(token);
    for (const token of state.tokens) tameLinks(token.children ?? [], repositoryUrl);
  });
  return parser;
}

function tameBlock(token: Token): void {
  // Alignment is an inline style, which the page's policy forbids; an info string as a class serves nothing here.
  if (token.type === "th_open" || token.type === "td_open") token.attrs = null;
  if (token.type === "fence") token.info = "";
  // The agent's headings go below the page's own.
  if (token.type === "heading_open" || token.type === "heading_close")
    token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + 3)}`;
}

function tameLinks(tokens: Token[], repositoryUrl: string): void {
  let open: { href: string; kept: boolean; bare: boolean } | undefined;
  for (const token of tokens) {
    if (token.type === "link_open") {
      const href = String(token.attrGet("href") ?? "");
      open = { href, kept: isInside(href, repositoryUrl), bare: token.markup === "autolink" };
      if (open.kept)
        token.attrs = [
          ["href", href],
          ["rel", "nofollow noopener noreferrer"],
        ];
      else becomeText(token, "");
    } else if (token.type === "link_close" && open) {
      if (!open.kept) becomeText(token, open.bare ? "" : ` (${open.href})`);
      open = undefined;
    }
  }
}

function becomeText(token: Token, content: string): void {
  token.type = "text";
  token.tag = "";
  token.nesting = 0;
  token.content = content;
}

/** Compared after parsing, so that `/o/r/../../evil` and `https://host@evil` do not pass as inside. */
function isInside(href: string, repositoryUrl: string): boolean {
  if (!URL.canParse(href) || !URL.canParse(repositoryUrl)) return false;
  const url = new URL(href);
  const home = new URL(repositoryUrl);
  if (url.origin !== home.origin || url.username || url.password) return false;
  return url.pathname === home.pathname || url.pathname.startsWith(`${home.pathname.replace(/\/$/, "")}/`);
}
