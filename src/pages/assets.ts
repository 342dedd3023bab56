import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Context } from "hono";
import type { Site } from "./layout.ts";

export interface Assets {
  site: Site;
  files: ReadonlyMap<string, { body: string; type: string; version: string }>;
}

/** Read once, at the start. `prefix`: path of the public address, without a slash at its end. */
export function readAssets(prefix: string): Assets {
  const files = new Map(
    Object.entries(types).map(([name, type]) => {
      const body = partsOf(name)
        .map((part) => readFileSync(new URL(`./assets/${part}`, import.meta.url), "utf8"))
        .join("\n");
      return [name, { body, type, version: createHash("sha256").update(body).digest("hex").slice(0, 12) }];
    }),
  );
  const address = (name: string) => `${prefix}/assets/${name}?v=${files.get(name)?.version}`;
  return { files, site: { prefix, css: address("airlock.css"), js: address("live.js"), icon: address("airlock.svg") } };
}

/** Kept for a year under its version; asked without one, or with an old one, for a minute. Undefined: no such asset. */
export function serveAsset(assets: Assets, c: Context): Response | undefined {
  const file = assets.files.get(c.req.param("name") ?? "");
  if (!file) return undefined;
  const current = c.req.query("v") === file.version;
  return c.body(file.body, 200, {
    "Content-Type": file.type,
    "Cache-Control": current ? "public, max-age=31536000, immutable" : "public, max-age=60",
  });
}

/** In the order of the cascade. */
const styles = ["ground", "frame", "columns", "facts", "transcript", "record", "change", "print"];

function partsOf(name: string): string[] {
  return name === "airlock.css" ? styles.map((style) => `style/${style}.css`) : [name];
}

const types: Record<string, string> = {
  "airlock.css": "text/css; charset=utf-8",
  "airlock.svg": "image/svg+xml",
  "live.js": "text/javascript; charset=utf-8",
};
