import { appendFileSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { appendLine } from "../../../src/gateway/append-line.ts";
import { openLedger } from "../../../src/gateway/model/ledger.ts";
import type { RunId } from "../../../src/run/identity.ts";
import { controlFell } from "../../helpers/control.ts";

const run = "abcdefghijklmnop" as RunId;

describe.runIf(process.getuid?.() === 0)("a disk that is full", () => {
  let folder: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "append-"));
    await execa("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
  });
  afterEach(async () => {
    await execa("umount", ["-l", folder]);
    rmdirSync(folder);
  });
  /** Leaves less room than a line needs: of the page that `path` ends in. */
  const fill = (path: string) => {
    writeFileSync(path, `${"x".repeat(4_096 - 21)}\n`);
    const filler = join(folder, "filler");
    for (const size of [4_096, 512, 64, 1])
      try {
        for (;;) appendFileSync(filler, Buffer.alloc(size));
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
      }
  };

  it("takes a line whole or not at all", () => {
    const path = join(folder, "lines");
    fill(path);
    const before = readFileSync(path, "utf8");
    expect(() => appendLine(path, "a line that is longer than the room there is")).toThrow(/ENOSPC/);
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(() => appendFileSync(path, "a line that is longer than the room there is\n")).toThrow(/ENOSPC/);
    controlFell(readFileSync(path, "utf8").endsWith("\na line that is longe"), "half a line, by the system call alone");
  });

  it("[15] makes no call pass that is not counted, and none uncounted that comes after", () => {
    fill(join(folder, `${run}.budget`));
    const ledger = openLedger(folder, run);
    expect(() => ledger.reserve({ microUsd: 5, tokens: 5 })).toThrow(/ENOSPC/);
    expect(ledger.open()).toEqual({ microUsd: 0, tokens: 0 });
    rmSync(join(folder, "filler"));
    ledger.reserve({ microUsd: 100, tokens: 10 }).settle({ microUsd: 7, tokens: 3 });
    expect(openLedger(folder, run).spent()).toEqual({ microUsd: 7, tokens: 3 });
  });
});
