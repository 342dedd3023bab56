import { html } from "hono/html";
import { type Site, showPage } from "./layout.ts";
import type { Markup } from "./markup.ts";

/** The front page says what this is, and lists nothing: who may see which run is for the sign-in to decide. */
export function showFront(site: Site): Markup {
  return showPage({
    site,
    title: "Airlock",
    body: html`<section class="card lead">
<h1>Airlock</h1>
<p>Label an issue <code>agent</code>, or comment <code>/agent fix</code>, and a coding agent works on it, unattended, in a sandbox
that has no network and holds no secret.</p>
<ol class="steps">
<li><strong>Asked.</strong> Only people who may write to the repository can start a run.</li>
<li><strong>Sealed.</strong> The sandbox is verified, from inside and outside, before the agent starts. Its one way out is a
gateway that records every request.</li>
<li><strong>Inspected.</strong> What the agent made is read, rebuilt and pushed to one branch. You review the pull request.</li>
</ol>
<p class="quiet">Each run has a page of its own. Follow the link from its check run, its pull request or its comment.</p>
</section>`,
  });
}

/** The same for every address that is not there, so that a guess learns nothing. */
export function showMissing(site: Site): Markup {
  return showPage({
    site,
    title: "Not found · Airlock",
    body: html`<section class="card lead"><h1>There is nothing here</h1>
<p>The address may be mistyped, or the run may have been removed. Follow the link from the check run or the pull request once more.</p></section>`,
  });
}

export function showBroken(site: Site): Markup {
  return showPage({
    site,
    title: "Not available · Airlock",
    body: html`<section class="card lead"><h1>This page cannot be shown right now</h1>
<p>Airlock could not read the run. The run itself is not affected. Load the page again in a moment.</p></section>`,
  });
}
