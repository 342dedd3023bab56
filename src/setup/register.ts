import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { parse } from "yaml";
import { Fault } from "../fault.ts";
import type { RegisteredApp } from "../settings/registered.ts";
import { isLoopback } from "../settings/values.ts";
import type { Settings } from "../settings.ts";
import { registrationApp } from "./registration/app.ts";
import { convertCode, type Fetch } from "./registration/convert.ts";
import { ensureKeepable, keepRegisteredApp } from "./registration/keep.ts";
import { buildManifest, parseAppFile } from "./registration/manifest.ts";
import { openSession } from "./registration/session.ts";

export interface RegisterOptions {
  settings: Settings;
  /** Told where to go and with which code: once at the start, and again whenever the code changes. */
  onInvitation: (invitation: { url: string; code: string }) => void;
  /** Told what failed on the way; the person sees it on the page too, and may try again. */
  onProblem: (error: unknown) => void;
  signal: AbortSignal;
  fetch?: Fetch;
}

/**
 * GitHub makes, and so logs, deliveries only for an App that has a webhook address, and takes no loopback one. `.invalid` is nobody's
 * (RFC 2606): nothing that GitHub sends there arrives anywhere, and the log has it all the same.
 */
const nowhere = "https://airlock.invalid";

/**
 * Serves the one-click registration until an App was registered and its key kept; `readSettings` finds it from then on. Listens
 * at HOST:PORT and has left it when it resolves. Throws Fault "settings.AIRLOCK_URL", "settings.AIRLOCK_DATA" or
 * "settings.PORT", and the signal's reason.
 */
export async function registerApp({
  settings,
  onInvitation,
  onProblem,
  signal,
  fetch = globalThis.fetch,
}: RegisterOptions): Promise<RegisteredApp> {
  const { github, web, data } = settings;
  const gitHubIsHere = isLoopback(github.host.replace(/:\d+$/, ""));
  const unreachable = isLoopback(new URL(web.publicUrl).hostname) && !gitHubIsHere;
  if (unreachable && !settings.poll.only)
    throw new Fault("settings.AIRLOCK_URL", `GitHub cannot reach ${web.publicUrl}`, {
      remedy:
        "Set AIRLOCK_URL to the address at which GitHub reaches this machine, for example https://airlock.example.org, or WEBHOOK_POLL=1 where it cannot",
    });
  await ensureKeepable(data.folder);
  const file = parseAppFile(parse(await readFile(join(import.meta.dirname, "../../app.yml"), "utf8")));

  const done = Promise.withResolvers<RegisteredApp>();
  const server = createServer(getRequestListener((request) => app.fetch(request), { overrideGlobalObjects: false }));
  server.listen(web.port, web.host);
  await listening(server, web);
  // From here to the pages without a pause: a browser that comes at once finds them.
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : web.port;
  // On loopback the browser is on this machine (or at the end of a tunnel); elsewhere it comes by the public address.
  const origin = isLoopback(web.host)
    ? `http://${web.host.includes(":") ? `[${web.host}]` : web.host}:${port}`
    : new URL(web.publicUrl).origin;
  const session = openSession((code) => onInvitation({ url: origin, code }));
  const manifest = buildManifest({
    file,
    suffix: randomBytes(3).toString("hex"),
    publicUrl: unreachable ? nowhere : web.publicUrl,
    webhookPath: github.webhookPath,
    redirectUrl: `${origin}/registered`,
  });
  const app = registrationApp({
    session,
    manifest,
    origin,
    webUrl: github.webUrl,
    onProblem,
    async finish(code) {
      const conversion = await convertCode({ code, apiUrl: github.apiUrl, host: github.host, fetch });
      await keepRegisteredApp(data.folder, conversion);
      const { htmlUrl: _, ...registered } = conversion;
      done.resolve(registered);
      return conversion;
    },
  });

  const abort = () => done.reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await done.promise;
  } finally {
    signal.removeEventListener("abort", abort);
    // The last page is still on its way; who does not take it in time must not keep the port from the App.
    const closed = once(server, "close");
    server.close();
    const limit = setTimeout(() => server.closeAllConnections(), 2_000);
    await closed;
    clearTimeout(limit);
  }
}

async function listening(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new Fault("settings.PORT", `${host}:${port} cannot be listened at`, {
      remedy: "Choose a free PORT, and a HOST of this machine",
      cause,
    });
  }
}
