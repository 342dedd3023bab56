import { html } from "hono/html";
import type { Manifest } from "./manifest.ts";

type Page = ReturnType<typeof html>;

export function codePage(wrong: boolean): Page {
  return page(
    "Set up Airlock",
    html`<p>Enter the code that stands on the terminal where Airlock was started.</p>
      ${wrong ? html`<p class="wrong" role="alert">That is not the code. After five tries there is another one on the terminal.</p>` : ""}
      <form method="post" action="/code">
        <label for="code">Code</label>
        <input id="code" name="code" autocomplete="off" autofocus required maxlength="20">
        <button>Continue</button>
      </form>`,
  );
}

/** `action`: GitHub's registration page, for the person or the organisation. The browser sends the manifest there itself. */
export function manifestPage(of: { action: string; manifest: Manifest; organisation: string; problem: boolean }): Page {
  const { action, manifest, organisation, problem } = of;
  return page(
    "Register the GitHub App",
    html`<p>GitHub will show the App before it is made. It asks for:</p>
      <ul>${Object.entries(manifest.default_permissions).map(([name, access]) => html`<li>${name.replaceAll("_", " ")}: ${access}</li>`)}</ul>
      <p>Webhooks go to <code>${manifest.hook_attributes.url}</code>.</p>
      <form method="post" action="${action}">
        <input type="hidden" name="manifest" value="${JSON.stringify(manifest)}">
        <button>Register ${organisation ? `for ${organisation}` : "for my own account"}</button>
      </form>
      <h2>For an organisation instead</h2>
      ${problem ? html`<p class="wrong" role="alert">That is not the name of an organisation.</p>` : ""}
      <form method="get" action="/app">
        <label for="organisation">Organisation</label>
        <input id="organisation" name="organisation" value="${organisation}" autocomplete="off" maxlength="39">
        <button class="second">Choose</button>
      </form>`,
  );
}

export function donePage(of: { slug: string; installUrl: string }): Page {
  return page(
    `${of.slug} is registered`,
    html`<p>Its key is kept in the data folder. Airlock goes on by itself.</p>
      <p>Now install it on the repositories where agents may work:</p>
      <p><a class="button" href="${of.installUrl}">Install ${of.slug}</a></p>
      <p>Then label an issue <code>agent</code>.</p>`,
  );
}

export function problemPage(of: { message: string; remedy: string }): Page {
  return page(
    "That did not work",
    html`<p class="wrong" role="alert">${of.message}.</p><p>${of.remedy}.</p><p><a href="/">Start again</a></p>`,
  );
}

export const style = `:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}
label{display:block;font-weight:600}
input{font:inherit;padding:.4rem .6rem;margin:.25rem 0 1rem;width:100%;box-sizing:border-box}
button,.button{font:inherit;padding:.5rem 1rem;background:#1a7f37;color:#fff;border:0;border-radius:6px;text-decoration:none;cursor:pointer}
.second{background:#57606a}
.wrong{color:#b42318;font-weight:600}
@media (prefers-color-scheme:dark){.wrong{color:#ff9a8f}}
`;

function page(title: string, body: Page): Page {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>${title}</title>
        <link rel="stylesheet" href="/style.css">
      </head>
      <body><main><h1>${title}</h1>${body}</main></body>
    </html>`;
}
