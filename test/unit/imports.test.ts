import { existsSync, globSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/** The way of a run, from the command line down (a trigger is authorised and pinned by the reconciler; the agent is put into the sandbox). A file may import from its own line, from those below, and from `run`. */
const order = [
  "airlock.ts",
  "cli",
  "wire.ts",
  "wire",
  "setup",
  "delivery",
  "pages",
  "trial",
  "reconcile",
  "disk",
  "trigger",
  "prepare",
  "agent",
  "sandbox",
  "backup",
  "gateway",
  "publish",
  "report",
  "run",
  "github",
  "store",
  "git",
  "privilege",
  "settings.ts",
  "settings",
  "log.ts",
  "lines.ts",
  "secret",
  "fault.ts",
];

const src = resolve(import.meta.dirname, "../../src");
const files = globSync("**/*.ts", { cwd: src }).sort();
const imports = files.flatMap((file) => findImports(file).map((target) => ({ file, target })));

describe("imports", () => {
  it("finds the sources and what they import", () => {
    expect(files).toContain("airlock.ts");
    expect(imports).toContainEqual({ file: "airlock.ts", target: "cli/program.ts" });
  });

  it("name files that exist", () => {
    expect(imports.filter(({ target }) => !existsSync(join(src, target)))).toEqual([]);
  });

  it("are of files that Node reads as they are, with a parser of its own", () => {
    const unread = files.filter((file) => {
      try {
        stripTypeScriptTypes(readFileSync(join(src, file), "utf8"));
        return false;
      } catch {
        return true;
      }
    });
    expect(unread).toEqual([]);
  });

  it("know every part of the tree", () => {
    expect([...new Set(files.map(partOf))].filter((part) => part !== "local" && !order.includes(part))).toEqual([]);
  });

  it("point down the way of a run, or to run/", () => {
    const up = imports.filter(({ file, target }) => {
      if (partOf(file) === "local" || partOf(target) === "local" || partOf(target) === "run") return false;
      return order.indexOf(partOf(target)) < order.indexOf(partOf(file));
    });
    expect(up).toEqual([]);
  });

  it("reach the local stand-ins from cli/ alone", () => {
    expect(imports.filter(({ file, target }) => partOf(target) === "local" && !["local", "cli"].includes(partOf(file)))).toEqual(
      [],
    );
  });

  it("of the local stand-ins reach nothing of the App but fault, run and secret", () => {
    const allowed = ["local", "fault.ts", "run", "secret"];
    expect(imports.filter(({ file, target }) => partOf(file) === "local" && !allowed.includes(partOf(target)))).toEqual([]);
  });

  it("keep run/ pure: it imports only itself and fault, and no effect of Node's", () => {
    const inner = imports.filter(({ file, target }) => partOf(file) === "run" && !["run", "fault.ts"].includes(partOf(target)));
    const outer = files.filter(
      (file) => partOf(file) === "run" && /from "node:(?!util")/.test(readFileSync(join(src, file), "utf8")),
    );
    expect([...inner, ...outer]).toEqual([]);
  });
});

function partOf(file: string): string {
  return file.split("/")[0] ?? "";
}

/** Paths from `src` of what a file imports there: statically, for types, or late. */
function findImports(file: string): string[] {
  const text = readFileSync(join(src, file), "utf8");
  const found = text.matchAll(/^(?:import|export|\})[^;\n]*?\bfrom "(\.[^"]+)"|^import "(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm);
  return (
    [...found]
      .map((match) => relative(src, resolve(src, dirname(file), match[1] ?? match[2] ?? match[3] ?? "")))
      // The rest are data files outside src, or text within a string.
      .filter((target) => target.endsWith(".ts") && !target.startsWith(".."))
  );
}
