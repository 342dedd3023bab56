import { z } from "zod";
import { Fault } from "../../fault.ts";
import type { RegisteredApp } from "../../settings/registered.ts";

const answer = z.object({
  id: z.number().int().positive(),
  slug: z.string().min(1),
  html_url: z.string(),
  owner: z.object({ id: z.number().int().positive(), login: z.string().min(1) }),
  pem: z.string().includes("PRIVATE KEY"),
  webhook_secret: z.string().min(1),
});

/** `htmlUrl`: the App's public page, from which it is installed. */
export type Conversion = RegisteredApp & { htmlUrl: string };

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Trades the code of a manifest registration for the App's key, once. Throws Fault "github.away" or "registration.refused". */
export async function convertCode(of: { code: string; apiUrl: string; host: string; fetch: Fetch }): Promise<Conversion> {
  const { code, apiUrl, host } = of;
  if (!/^[\w-]{1,200}$/.test(code)) throw refused("the code that came back is not one of GitHub's");
  const response = await post(`${apiUrl}/app-manifests/${code}/conversions`, of.fetch);
  if (response.status !== 201) throw refused(`GitHub answered ${response.status} to the code`);
  const parsed = answer.safeParse(await response.json().catch(() => undefined));
  // The answer holds the key: nothing of it may get into a message.
  if (!parsed.success) throw refused("GitHub's answer to the code has not the form that is documented");
  const { id, slug, owner, pem, webhook_secret, html_url } = parsed.data;
  return {
    id,
    slug,
    host,
    owner: { id: owner.id, login: owner.login },
    privateKey: pem,
    webhookSecret: webhook_secret,
    htmlUrl: html_url,
  };
}

async function post(url: string, fetch: Fetch): Promise<Response> {
  const headers = { accept: "application/vnd.github+json", "user-agent": "airlock", "x-github-api-version": "2022-11-28" };
  try {
    // A redirect would carry the code elsewhere.
    return await fetch(url, { method: "POST", headers, redirect: "error", signal: AbortSignal.timeout(30_000) });
  } catch (cause) {
    throw new Fault("github.away", "GitHub did not answer when asked for the App's key", {
      remedy:
        "See that this machine reaches GitHub's API (HTTPS_PROXY, NODE_EXTRA_CA_CERTS), then register again; delete the half-made App at GitHub",
      cause,
    });
  }
}

function refused(message: string): Fault {
  return new Fault("registration.refused", message, {
    remedy: "Start again from the first page: a code lives for one hour and is good once",
  });
}
