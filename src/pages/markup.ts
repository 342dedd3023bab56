import { html, raw } from "hono/html";

/** HTML that may stand in a page as it is. */
export type Markup = ReturnType<typeof html>;

/**
 * The only place where ready-made HTML enters a page: what markdown-it (with HTML off) and diff2html wrote. Both escape; this
 * does not rely on it. Unless every tag is one of a short list with harmless attributes, the whole is shown as text.
 */
export function admitMarkup(markup: string): Markup {
  return markup.replaceAll(harmlessTag, "").includes("<") ? html`<pre>${markup}</pre>` : raw(markup);
}

const tags =
  "p|br|hr|em|strong|s|del|ins|code|pre|blockquote|ul|ol|li|h3|h4|h5|h6|table|caption|thead|tbody|tr|th|td|div|span|section|a";
// Libraries escape < and > in text and in attributes, so every "<" that is left begins a tag.
const attribute = '(?:(?:class|id|start|rel|role|tabindex|scope|aria-label|title)="[^"<>]*"|href="(?:https?://|#)[^"<>]*")';
const harmlessTag = new RegExp(`<(?:/(?:${tags})|(?:${tags})(?:\\s+${attribute})*\\s*/?)>`, "g");
