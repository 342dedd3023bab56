/** Small real registries on loopback, which serve packages that a test made, and keep what they were asked. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { closeServer } from "./git-upstream.ts";

export interface RegistryStandIn extends AsyncDisposable {
  url: string;
  upstreams: Record<"npm" | "pypi" | "crates" | "go", string>;
  asked: string[];
  /** Path to bytes; a test changes them to make the registry lie. */
  files: Map<string, Buffer>;
  addNpm(name: string, version: string): Promise<{ integrity: string }>;
  addWheel(name: string, version: string): Promise<{ sha256: string }>;
  addCrate(name: string, version: string): Promise<{ cksum: string }>;
  addGoModule(module: string, version: string): Promise<{ mod: string; zip: string }>;
}

/** `folder`: where packages are put together. */
export async function openRegistryStandIn(folder: string): Promise<RegistryStandIn> {
  const files = new Map<string, Buffer>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const body = files.get(request.url ?? "");
    response.writeHead(body ? 200 : 404).end(body ?? "not found");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const hash = (algorithm: string, bytes: Buffer, encoding: "hex" | "base64") =>
    createHash(algorithm).update(bytes).digest(encoding);

  /** Packs `entries` (path to text) below a fresh folder, by tar or zip. */
  async function pack(kind: "tgz" | "zip", top: string, entries: Record<string, string>): Promise<Buffer> {
    const at = join(folder, `pack-${hash("sha1", Buffer.from(top + JSON.stringify(entries)), "hex")}`);
    for (const [path, text] of Object.entries(entries)) {
      await mkdir(dirname(join(at, path)), { recursive: true });
      await writeFile(join(at, path), text);
    }
    const out = `${at}.${kind}`;
    const names = Object.keys(entries);
    if (kind === "tgz") await execa("tar", ["-C", at, "-czf", out, ...names]);
    else await execa("python3", ["-c", zipProgram, at, out, ...names]);
    return readFile(out);
  }

  return {
    url,
    asked,
    files,
    upstreams: { npm: `${url}/npm`, pypi: `${url}/pypi`, crates: `${url}/index`, go: `${url}/go` },
    async addNpm(name, version) {
      const file = `${name.slice(name.lastIndexOf("/") + 1)}-${version}.tgz`;
      const manifest = { name, version, main: "index.js" };
      const tgz = await pack("tgz", file, {
        "package/package.json": JSON.stringify(manifest),
        "package/index.js": `module.exports = "${name}";`,
      });
      const integrity = `sha512-${hash("sha512", tgz, "base64")}`;
      const dist = { tarball: `${url}/npm/${name}/-/${file}`, integrity, shasum: hash("sha1", tgz, "hex") };
      const packument = { name, "dist-tags": { latest: version }, versions: { [version]: { ...manifest, dist } } };
      files.set(`/npm/${name.replace("/", "%2f")}`, Buffer.from(JSON.stringify(packument)));
      files.set(`/npm/${name}/-/${file}`, tgz);
      return { integrity };
    },
    async addWheel(name, version) {
      const file = `${name}-${version}-py3-none-any.whl`;
      const info = `${name}-${version}.dist-info`;
      const wheel = await pack("zip", file, {
        [`${name}/__init__.py`]: `value = "${name}"\n`,
        [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
        [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        [`${info}/RECORD`]: "",
      });
      const sha256 = hash("sha256", wheel, "hex");
      const entry = { filename: file, url: `${url}/files/${file}`, hashes: { sha256 } };
      files.set(`/pypi/simple/${name}/`, Buffer.from(JSON.stringify({ name, files: [entry] })));
      files.set(`/files/${file}`, wheel);
      return { sha256 };
    },
    async addCrate(name, version) {
      const top = `${name}-${version}`;
      const crate = await pack("tgz", top, {
        [`${top}/Cargo.toml`]: `[package]\nname = "${name}"\nversion = "${version}"\nedition = "2021"\n`,
        [`${top}/src/lib.rs`]: `pub fn value() -> &'static str { "${name}" }\n`,
      });
      const cksum = hash("sha256", crate, "hex");
      const entry = { name, vers: version, deps: [], cksum, features: {}, yanked: false };
      files.set(`/index/${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`, Buffer.from(`${JSON.stringify(entry)}\n`));
      files.set(`/crates/${name}/${top}.crate`, crate);
      return { cksum };
    },
    async addGoModule(module, version) {
      const mod = `module ${module}\n`;
      const entries = { [`${module}@${version}/go.mod`]: mod, [`${module}@${version}/x.go`]: "package x\n" };
      const h1 = (of: Record<string, string>) => {
        const lines = Object.entries(of)
          .sort()
          .map(([name, text]) => `${hash("sha256", Buffer.from(text), "hex")}  ${name}\n`);
        return `h1:${hash("sha256", Buffer.from(lines.join("")), "base64")}`;
      };
      files.set(`/go/${module}/@v/${version}.mod`, Buffer.from(mod));
      files.set(`/go/${module}/@v/${version}.zip`, await pack("zip", module + version, entries));
      files.set(`/go/${module}/@v/${version}.info`, Buffer.from(JSON.stringify({ Version: version })));
      return { mod: h1({ "go.mod": mod }), zip: h1(entries) };
    },
    [Symbol.asyncDispose]: () => closeServer(server),
  };
}

const zipProgram = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED) as out:
    for name in sys.argv[3:]:
        out.write(sys.argv[1] + "/" + name, name)
`;
