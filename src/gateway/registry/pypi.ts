/** ◆ PyPI's simple index (PEP 691), given as HTML of our own making (PEP 503), which every pip and uv reads. */
import { type Digest, parseHexDigest } from "./digest.ts";
import type { PackageIndex } from "./index.ts";
import { parseRecord } from "./npm.ts";
import { fileOriginOf, insideUrl } from "./settings.ts";

export const pypiAccept = "application/vnd.pypi.simple.v1+json";

export function pypiUrl(upstream: string, name: string): URL {
  return new URL(`${upstream}/simple/${name}/`);
}

export function parseSimpleIndex(upstream: string, name: string, bytes: Buffer): PackageIndex | undefined {
  const index = parseRecord(bytes);
  if (!index || !Array.isArray(index.files)) return undefined;
  const files = new Map<string, { url: URL; digest: Digest }>();
  const lines: string[] = [];
  for (const entry of index.files as Record<string, unknown>[]) {
    const file = String(entry?.filename);
    const url = URL.parse(String(entry?.url), pypiUrl(upstream, name).href);
    const digest = parseHexDigest("sha256", (entry?.hashes as Record<string, unknown> | undefined)?.sha256);
    if (!url || !digest || url.origin !== fileOriginOf(upstream) || url.search !== "") continue;
    if (!/^[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}$/.test(file)) continue;
    files.set(file, { url, digest });
    const requires =
      typeof entry["requires-python"] === "string" ? ` data-requires-python="${escapeHtml(entry["requires-python"])}"` : "";
    const yanked = entry.yanked ? ` data-yanked="${escapeHtml(String(entry.yanked))}"` : "";
    const href = `${insideUrl}/pypi/files/${name}/${encodeURIComponent(file)}#sha256=${digest.hex}`;
    lines.push(`<a href="${href}"${requires}${yanked}>${escapeHtml(file)}</a><br/>`);
  }
  const body = `<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.0"><title>${name}</title></head><body>\n${lines.join("\n")}\n</body></html>\n`;
  return { contentType: "text/html; charset=utf-8", body: Buffer.from(body), files };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
