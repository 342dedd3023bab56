import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Fault } from "../fault.ts";

/** What GitHub told about this App when it was registered from here; kept in the data folder, mode 0600, as one file. */
export interface RegisteredApp {
  id: number;
  slug: string;
  /** Which GitHub it was registered with: `github.com` or the host of an Enterprise Server, with a port if it has one. */
  host: string;
  owner: { id: number; login: string };
  privateKey: string;
  webhookSecret: string;
}

const shape = z.strictObject({
  id: z.number().int().positive(),
  slug: z.string().min(1),
  host: z.string().min(1),
  owner: z.strictObject({ id: z.number().int().positive(), login: z.string().min(1) }),
  privateKey: z.string().min(1),
  webhookSecret: z.string().min(1),
});

export function registeredAppPath(dataFolder: string): string {
  return join(dataFolder, "app.json");
}

/** Undefined where nothing was registered. Throws Fault "settings.app-file" for a file that cannot be read or understood. */
export function findRegisteredApp(dataFolder: string): RegisteredApp | undefined {
  const path = registeredAppPath(dataFolder);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")) return undefined;
    throw new Fault("settings.app-file", `${path} cannot be read`, {
      remedy: "Start Airlock as the user who registered the App, or point AIRLOCK_DATA at a folder of your own",
      cause,
    });
  }
  const app = shape.safeParse(parseJson(text));
  if (app.success) return app.data;
  throw new Fault("settings.app-file", `${path} is damaged`, {
    remedy:
      "Put it back from a backup, or set APP_ID, PRIVATE_KEY_PATH and WEBHOOK_SECRET (a new key can be made on the App's page)",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and the text holds a key.
    return undefined;
  }
}
