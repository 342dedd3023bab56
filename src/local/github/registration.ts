import type { Reply } from "./call.ts";
import { notFound } from "./github-error.ts";
import { announceInstallation, install } from "./installations.ts";
import { createApp, findManifestProblems, type Manifest, mintManifestCode } from "./manifest.ts";
import { html } from "./pages.ts";
import { escapeHtml } from "./render/issues.ts";
import type { Account, World } from "./state.ts";
import type { Webhooks } from "./webhooks.ts";

export interface FormRequest {
  method: string;
  address: URL;
  form: URLSearchParams;
}

const registerPath = /^(?:\/organizations\/([^/]+))?\/settings\/apps\/(new|manifest)$/;
const installPath = /^\/(?:github-)?apps\/([^/]+)(?:\/installations\/new)?$/;

/** The pages where a person registers an App from a manifest and installs it. Nobody signs in here: whoever comes is the account's owner. */
export function answerRegistration(
  parts: { world: World; webhooks: Webhooks; person: Account },
  request: FormRequest,
): Reply | undefined {
  const { pathname } = request.address;
  const register = registerPath.exec(pathname);
  if (register) return answerRegister(parts, request, { account: register[1], step: register[2] ?? "" });
  const install = installPath.exec(pathname);
  return install ? answerInstall(parts, request, install[1] ?? "") : undefined;
}

function answerRegister(
  { world, person }: { world: World; person: Account },
  request: FormRequest,
  at: { account: string | undefined; step: string },
): Reply {
  const owner = at.account === undefined ? person : world.accounts.find(({ login }) => login === at.account);
  if (owner === undefined) throw notFound();
  if (request.method !== "POST")
    return html("Register new GitHub App", "<p>Send a form with the field <code>manifest</code> here.</p>");
  const manifest = parseManifest(request.form.get("manifest"));
  const problems = manifest === undefined ? ["The manifest is not JSON"] : findManifestProblems(world, manifest);
  if (manifest === undefined || problems.length > 0)
    return html(
      "Invalid GitHub App configuration",
      `<ul>${problems.map((problem) => `<li>${escapeHtml(problem)}</li>`).join("")}</ul>`,
      422,
    );
  const state = request.address.searchParams.get("state") ?? request.form.get("state") ?? "";
  if (at.step === "new") return confirmPage(request, { manifest, state });
  const app = createApp(world, {
    name: request.form.get("name") ?? manifest.name ?? "App",
    owner,
    webhookUrl: manifest.hook_attributes?.active === false ? undefined : manifest.hook_attributes?.url,
    permissions: manifest.default_permissions ?? {},
    events: manifest.default_events ?? [],
  });
  const target = new URL(manifest.redirect_url ?? "");
  target.searchParams.set("code", mintManifestCode(world, app));
  target.searchParams.set("state", state);
  return { status: 302, headers: { location: target.href }, raw: { type: "text/plain", text: "" } };
}

function confirmPage(request: FormRequest, { manifest, state }: { manifest: Manifest; state: string }): Reply {
  const action = request.address.pathname.replace(/new$/, "manifest");
  const hidden = (name: string, value: string): string => `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`;
  const permissions = Object.entries(manifest.default_permissions ?? {}).map(
    ([name, level]) => `<li>${escapeHtml(name)}: ${escapeHtml(level)}</li>`,
  );
  return html(
    `Create GitHub App ${manifest.name ?? ""}`,
    `<ul>${permissions.join("")}</ul><form method="post" action="${escapeHtml(action)}">${hidden("manifest", JSON.stringify(manifest))}${hidden("state", state)}` +
      `<label>Name <input name="name" value="${escapeHtml(manifest.name ?? "")}"></label> <button>Create GitHub App</button></form>`,
  );
}

function answerInstall(parts: { world: World; webhooks: Webhooks; person: Account }, request: FormRequest, slug: string): Reply {
  const { world, person } = parts;
  const app = world.apps.find((candidate) => candidate.slug === slug);
  if (app === undefined) throw notFound();
  const accounts = [...new Set([...world.repositories.values()].map(({ owner }) => owner))];
  if (request.method !== "POST") {
    const choices = accounts
      .map(({ login }) => `<button name="account" value="${escapeHtml(login)}">Install on ${escapeHtml(login)}</button>`)
      .join(" ");
    return html(
      `Install ${app.name}`,
      `<form method="post" action="/apps/${escapeHtml(slug)}/installations/new">${choices}</form>`,
    );
  }
  const account = accounts.find(({ login }) => login === request.form.get("account")) ?? accounts[0];
  if (account === undefined) throw notFound();
  const installation = install(world, { app, account, repositories: "all" });
  announceInstallation(parts, installation, person);
  return html(`Installed ${app.name} on ${account.login}`, `<p>Installation ${installation.id}</p>`);
}

function parseManifest(text: string | null): Manifest | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null ? (value as Manifest) : undefined;
  } catch {
    return undefined;
  }
}
