import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Architecture } from "./engine.ts";

/** The profile's text for the engine. */
export async function readSeccompProfile(architecture: Architecture): Promise<string> {
  return seccompProfile(await readFile(path.resolve(import.meta.dirname, "../../sandbox/seccomp.json"), "utf8"), architecture);
}

/**
 * Narrows the committed profile to one architecture's 64-bit calls, so that 32-bit ones (with their own `socketcall`) are killed.
 * The engine leaves out the names that the architecture does not have. Pure.
 */
export function seccompProfile(committed: string, architecture: Architecture): string {
  const profile = JSON.parse(committed) as Record<string, unknown>;
  return JSON.stringify({ ...profile, architectures: [architecture === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64"] });
}
