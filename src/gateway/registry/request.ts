/** ◆ What a registry is asked for. Each form has one spelling; anything else is no request. Nothing of the target is passed on: the
 *  upstream's path is built from the parts. */
import { canonicalName, type Ecosystem } from "./known.ts";

export type RegistryRequest =
  | { of: "npm"; name: string; want: "index" }
  | { of: "npm"; name: string; want: "file"; file: string }
  | { of: "pypi"; name: string; want: "index" }
  | { of: "pypi"; name: string; want: "file"; file: string }
  | { of: "crates"; want: "config" }
  | { of: "crates"; name: string; want: "index"; path: string }
  | { of: "crates"; name: string; want: "file"; version: string }
  | { of: "go"; name: string; want: "list" | "latest" }
  | { of: "go"; name: string; want: "info" | "mod" | "zip"; version: string };

export type RegistryParse = { ok: true; request: RegistryRequest } | { ok: false; rule: string; why: string };

const npmName = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i;
const fileName = /^[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}$/;
const crateName = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const goVersion = /^v\d+\.\d+\.\d+(?:-[0-9a-z.!-]+)?(?:\+incompatible)?$/;
/** Dot-separated first element, as every module that a proxy can serve has; "!x" stands for "X". */
const goModule = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:\/[a-z0-9!._~-]+)*$/;

/** `target`: as received, beginning with "/registry/". */
export function parseRegistryTarget(target: string): RegistryParse {
  if (target.includes("?")) return no("registry.query", "a registry is asked without a query string");
  const [, of = "", rest = ""] = /^\/registry\/(npm|pypi|crates|go)\/(.+)$/.exec(target) ?? [];
  const request = parsers[of as Ecosystem]?.(rest);
  if (request) return { ok: true, request };
  return no("registry.path", `${target.slice(0, 200)} is nothing that a package manager asks for when it installs`);
}

const parsers: Readonly<Record<Ecosystem, (rest: string) => RegistryRequest | undefined>> = {
  npm(rest) {
    const file = /^((?:@[^/%]+(?:\/|%2[fF]))?[^/@%]+)\/-\/([^/]+\.tgz)$/.exec(rest);
    const name = (file?.[1] ?? rest).replace(/^(@[^/%]+)%2[fF]/, "$1/");
    if (!npmName.test(name) || name.length > 214 || /^\.|\.\./.test(name)) return undefined;
    if (!file) return { of: "npm", name, want: "index" };
    return file[2] && fileName.test(file[2]) ? { of: "npm", name, want: "file", file: file[2] } : undefined;
  },
  pypi(rest) {
    const [, index, owner, file] = /^(?:simple\/([^/]+)\/|files\/([^/]+)\/([^/]+))$/.exec(rest) ?? [];
    const name = index ?? owner ?? "";
    if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name) || name.length > 128) return undefined;
    if (index) return { of: "pypi", name, want: "index" };
    return file && fileName.test(file) ? { of: "pypi", name, want: "file", file } : undefined;
  },
  crates(rest) {
    if (rest === "config.json") return { of: "crates", want: "config" };
    const [, crate = "", version] = /^dl\/([^/]+)\/([^/]+)$/.exec(rest) ?? [];
    if (version && crateName.test(crate) && /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]{1,100})?$/.test(version))
      return { of: "crates", name: canonicalName("crates", crate), want: "file", version };
    const name = rest.slice(rest.lastIndexOf("/") + 1);
    if (!crateName.test(name) || name !== name.toLowerCase() || rest !== crateIndexPath(name)) return undefined;
    return { of: "crates", name: canonicalName("crates", name), want: "index", path: rest };
  },
  go(rest) {
    const [, escaped = "", latest, file = ""] = /^(.+?)\/(?:(@latest)|@v\/([^/]+))$/.exec(rest) ?? [];
    if (escaped.length > 200 || !goModule.test(escaped) || /!(?![a-z])/.test(escaped) || /\.\.|\/\.|\.(?:\/|$)/.test(escaped))
      return undefined;
    const name = unescapeGo(escaped);
    if (latest) return { of: "go", name, want: "latest" };
    if (file === "list") return { of: "go", name, want: "list" };
    const [, version = "", want] = /^(.+)\.(info|mod|zip)$/.exec(file) ?? [];
    if (!goVersion.test(version) || version.length > 100) return undefined;
    return { of: "go", name, want: want as "info" | "mod" | "zip", version: unescapeGo(version) };
  },
};

/** Where cargo's sparse index keeps a crate. */
export function crateIndexPath(name: string): string {
  if (name.length < 3) return `${name.length}/${name}`;
  return name.length === 3 ? `3/${name[0]}/${name}` : `${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`;
}

export function escapeGo(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
}

function unescapeGo(text: string): string {
  return text.replace(/!([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function no(rule: string, why: string): RegistryParse {
  return { ok: false, rule, why };
}
