import { text } from "node:stream/consumers";
import { z } from "zod";
import { exitCodes, Fault } from "../../fault.ts";
import { createApi, isPassing, statusOf } from "../../github/api.ts";
import { readGitHubSettings } from "../../settings.ts";
import { applyNetwork } from "../../setup/network.ts";
import type { Terminal } from "../terminal.ts";

const shape = z.strictObject({ json: z.boolean().default(false) });

/** Reads the token from stdin: an argument would stand in the process list. */
export async function revokeToken(given: unknown, terminal: Terminal): Promise<number> {
  const options = shape.parse(given);
  if (process.stdin.isTTY) terminal.err("Paste the token, then press ctrl-d");
  const token = (await text(process.stdin)).trim();
  if (!/^[\w.-]{20,4096}$/.test(token))
    throw new Fault("usage.token", "no token came on stdin", { remedy: "Pipe it in: ./airlock token revoke < file" });
  const settings = readGitHubSettings();
  applyNetwork(settings);
  try {
    await createApi(settings.github.apiUrl, () => `token ${token}`).rest.apps.revokeInstallationAccessToken();
  } catch (error) {
    if (isPassing(error))
      throw new Fault("github.away", "GitHub does not answer", {
        remedy: "Try again; the token ends by itself within the hour",
        cause: error,
      });
    if (statusOf(error) !== 401) throw error;
    terminal.err("airlock: the token was dead already");
  }
  if (options.json) terminal.out(JSON.stringify({ revoked: true }));
  return exitCodes.done;
}
