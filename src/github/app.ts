import { createAppAuth } from "@octokit/auth-app";
import { Fault } from "../fault.ts";
import type { Secret } from "../secret/secret.ts";
import { type Api, createApi, isPassing, messageOf, statusOf } from "./api.ts";
import { createThrottle, type Throttle, windowsOf } from "./throttle.ts";

/** The App's own name on GitHub: how its comments, checks, branches and commits are told from everybody else's. */
export interface AppIdentity {
  id: number;
  slug: string;
  /** Id and login of the App's bot user. */
  botId: number;
  botLogin: string;
  /** What GitHub links to the bot: `ID+slug[bot]@users.noreply.HOST`. */
  email: string;
  permissions: Record<string, string>;
}

export interface GitHubApp {
  /** As the App itself, by its JWT. */
  api: Api;
  /** Read from GitHub once. Throws Fault "github.away", "settings.PRIVATE_KEY". */
  identity(): Promise<AppIdentity>;
  /** With an installation's token; as a function: with the one that it is then. */
  apiFor(token: string | (() => string)): Api;
  /** Through which every call passes. */
  throttle: Throttle;
}

export function createGitHubApp(options: {
  appId: number;
  privateKey: Secret;
  apiUrl: string;
  webHost: string;
  /** Stands before every text that goes to GitHub. */
  redact?: (text: string) => string;
  /** By the limits of `webHost` where it is absent. */
  throttle?: Throttle;
}): GitHubApp {
  // Only for the JWT: its installation tokens are shared between callers who ask alike, and a revoked one would die for both.
  const auth = createAppAuth({ appId: options.appId, privateKey: options.privateKey.reveal() });
  const { redact, throttle = createThrottle({ windows: windowsOf(options.webHost) }) } = options;
  const api = createApi(options.apiUrl, async () => `bearer ${(await auth({ type: "app" })).token}`, { throttle });
  let identity: Promise<AppIdentity> | undefined;
  return {
    api,
    throttle,
    apiFor: (token) =>
      createApi(options.apiUrl, () => `token ${typeof token === "string" ? token : token()}`, {
        throttle,
        ...(redact && { redact }),
      }),
    identity() {
      identity ??= readIdentity(api, options.webHost).catch((error) => {
        identity = undefined;
        throw error;
      });
      return identity;
    },
  };
}

async function readIdentity(api: Api, webHost: string): Promise<AppIdentity> {
  try {
    const { data: app } = await api.rest.apps.getAuthenticated();
    if (!app?.slug)
      throw new Fault("github.answer", "GitHub's answer about the App lacks its slug", {
        remedy: "Try again; if it stays, report it",
      });
    const botLogin = `${app.slug}[bot]`;
    const { data: bot } = await api.rest.users.getByUsername({ username: botLogin });
    const host = webHost === "github.com" || webHost.endsWith(".ghe.com") ? "github.com" : webHost.replace(/:\d+$/, "");
    const permissions = Object.fromEntries(
      Object.entries(app.permissions).flatMap(([k, v]) => (typeof v === "string" ? [[k, v]] : [])),
    );
    return {
      id: app.id,
      slug: app.slug,
      botId: bot.id,
      botLogin,
      email: `${bot.id}+${botLogin}@users.noreply.${host}`,
      permissions,
    };
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    if (statusOf(cause) === 401 || statusOf(cause) === 404)
      throw new Fault("settings.PRIVATE_KEY", `GitHub does not accept APP_ID with this PRIVATE_KEY: ${messageOf(cause)}`, {
        remedy: "Take both from the same App: its settings page shows the id and makes keys",
        cause,
      });
    if (isPassing(cause))
      throw new Fault("github.away", "GitHub does not answer", {
        remedy: "See whether this machine reaches GitHub's API, then start again",
        cause,
      });
    throw cause;
  }
}
