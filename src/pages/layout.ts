import { html } from "hono/html";
import type { Markup } from "./markup.ts";

/** Where the pages are reached: path prefix of the public address ("" at the root), and the addresses of the two assets. */
export interface Site {
  prefix: string;
  css: string;
  js: string;
  icon: string;
}

/** The frame of every page. `refreshSeconds`: without JavaScript the page loads itself anew, as long as something may change. */
export function showPage(page: { site: Site; title: string; body: Markup; refreshSeconds?: number }): Markup {
  const { site } = page;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
<link rel="icon" href="${site.icon}" type="image/svg+xml">
<link rel="stylesheet" href="${site.css}">
<script src="${site.js}" defer></script>
${page.refreshSeconds ? html`<noscript><meta http-equiv="refresh" content="${page.refreshSeconds}"></noscript>` : ""}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top"><a class="brand" href="${site.prefix}/"><img src="${site.icon}" alt="" width="20" height="20">Airlock</a></header>
<main id="main" tabindex="-1">
${page.body}
</main>
<footer class="foot">Airlock runs coding agents in a sandbox that has no network and holds no secret.</footer>
</body>
</html>`;
}

/** A link out of the page. Only http and https become links: an address comes from outside. */
export function showLink(url: string, words: string | Markup): Markup {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return html`${words}`;
  return html`<a href="${url}" rel="noopener noreferrer">${words}</a>`;
}
