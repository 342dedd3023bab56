import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";

/** Of the settings that the image has for the agent, in hex: the probe compares what the agent's uid reads with it. */
export async function readSettingsDigest(): Promise<string> {
  const bytes = await readFile(path.resolve(import.meta.dirname, "../../sandbox/managed-settings.json"));
  return createHash("sha256").update(bytes).digest("hex");
}
