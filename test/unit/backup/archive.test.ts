import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readArchive, readArchiveHead } from "../../../src/backup/archive.ts";
import type { Manifest } from "../../../src/backup/manifest.ts";
import { changeHeader, joinTar, makeWorkArchive, splitTar } from "../../helpers/archives.ts";

let folder: string;
let file: string;
let manifest: Manifest;
let whole: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "airlock-archive-"));
  file = join(folder, "whole.tar.gz");
  manifest = await makeWorkArchive(folder, file);
  whole = readFileSync(file);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function reading(bytes: Buffer): Promise<unknown> {
  const changed = join(folder, "changed.tar.gz");
  writeFileSync(changed, bytes);
  return readArchive(changed).then(
    () => "read",
    (error: { code?: string }) => error.code,
  );
}

/** The same tar with one entry, by its place, made another. */
const withEntry = (at: number, change: (header: Buffer) => void) =>
  joinTar(splitTar(whole).map((entry, i) => (i === at ? changeHeader(entry, change) : entry)));
const field = (from: number, length: number, text: string) => (header: Buffer) => {
  header.fill(0, from, from + length);
  header.write(text, from, "latin1");
};

describe("an archive", () => {
  it("is for its owner alone, leaves nothing unfinished behind, and gives back every part as it was", async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).not.toContain("whole.tar.gz.unfinished");
    const into = join(folder, "into");
    expect((await readArchive(file, into)).manifest).toEqual(manifest);
    expect((await readArchiveHead(file)).manifest).toEqual(manifest);
    for (const { name } of manifest.parts)
      expect(readFileSync(join(into, name))).toEqual(readFileSync(join(folder, "draft", name)));
  });

  it("is refused wherever it is cut, and nothing is left of it", async () => {
    expect(await reading(whole)).toBe("read");
    const tar = gunzipSync(whole);
    // The file itself, and a whole gzip of a tar that was cut before.
    for (let at = 0; at < whole.length; at += 29) expect(await reading(whole.subarray(0, at)), `${at}`).toBe("backup.damaged");
    const end = splitTar(whole).reduce((sum, entry) => sum + entry.length, 0);
    for (let at = 0; at <= end; at += 256) expect(await reading(gzipSync(tar.subarray(0, at))), `${at}`).toBe("backup.damaged");
  });

  it("is refused, or read as it was, whichever byte of it was changed", async () => {
    const seen = new Set<unknown>();
    for (let at = 0; at < whole.length; at += 3) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x40;
      const answer = await reading(changed);
      seen.add(answer);
      // Gzip's own head says nothing of the content, and the same content can be compressed in several ways.
      if (answer === "read") expect(gunzipSync(changed).equals(gunzipSync(whole)), `byte ${at}`).toBe(true);
    }
    expect([...seen].sort()).toContain("backup.damaged");
    const tar = gunzipSync(whole);
    // What stands in the manifest is held to the key's mark, by the restore.
    const manifestBytes = splitTar(whole)
      .slice(0, 2)
      .reduce((sum, entry) => sum + entry.length, 0);
    for (let at = manifestBytes; at < tar.length; at += 101) {
      const changed = Buffer.from(tar);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      expect(await reading(gzipSync(changed)), `byte ${at} of the tar`).toBe("backup.damaged");
    }
  });

  const hostile: [string, () => Buffer][] = [
    ["a path that leads out", () => withEntry(2, field(0, 100, "../../etc/passwd"))],
    ["an absolute path", () => withEntry(2, field(0, 100, "/etc/passwd"))],
    ["a path in the prefix", () => withEntry(2, field(345, 155, "../.."))],
    ["a symbolic link", () => withEntry(2, field(156, 101, "2/etc/shadow"))],
    ["a hard link", () => withEntry(2, field(156, 101, "1/etc/shadow"))],
    ["a device", () => withEntry(2, field(156, 1, "3"))],
    ["a pipe", () => withEntry(2, field(156, 1, "6"))],
    ["a folder", () => withEntry(2, field(156, 1, "5"))],
    ["an extended header", () => withEntry(2, field(156, 1, "x"))],
    ["GNU's long name", () => withEntry(2, field(156, 1, "L"))],
    ["a size in another notation", () => withEntry(2, (header) => header.writeUInt8(0x80, 124))],
    ["another size", () => withEntry(2, field(124, 12, "00000001000"))],
    ["a part twice", () => joinTar([...splitTar(whole), ...splitTar(whole).slice(-1)])],
    ["parts in another order", () => joinTar([0, 1, 3, 2].map((at) => splitTar(whole)[at] as Buffer))],
    ["a part too few", () => joinTar(splitTar(whole).slice(0, -1))],
    ["no manifest", () => joinTar(splitTar(whole).slice(1))],
    ["something behind its end", () => gzipSync(Buffer.concat([gunzipSync(whole), Buffer.from("more")]))],
    ["no tar at all", () => gzipSync(Buffer.from("hello "))],
    ["nothing compressed", () => gunzipSync(whole)],
    ["nothing", () => Buffer.alloc(0)],
  ];
  it.each(hostile)("is refused that holds %s", async (_, make) => {
    expect(await reading(make())).toBe("backup.damaged");
    expect(existsSync("/etc/passwd")).toBe(true);
  });

  it("is refused whose list names what does not belong in a backup, or of a format to come", async () => {
    const other = async (change: object) => {
      const path = join(folder, "other.tar.gz");
      await rm(join(folder, "draft"), { recursive: true });
      await makeWorkArchive(folder, path, change as Partial<Manifest>);
      return reading(readFileSync(path));
    };
    const [part] = manifest.parts;
    expect(await other({})).toBe("read");
    expect(await other({ parts: [] })).toBe("backup.damaged");
    expect(await other({ work: [] })).toBe("backup.damaged");
    expect(await other({ work: [{ ...manifest.work[0], run: "../escape" }] })).toBe("backup.damaged");
    expect(await other({ rows: { migrations: [], tables: [{ name: "../x", rows: 0 }], sequences: [] } })).toBe("backup.damaged");
    expect(await other({ parts: [part, part] })).toBe("backup.damaged");
    expect(await other({ unknown: 1 })).toBe("backup.damaged");
    expect(await other({ format: 2 })).toBe("backup.newer");
  });

  it("that is not there is told apart from a damaged one", async () => {
    await expect(readArchive(join(folder, "nowhere"))).rejects.toMatchObject({ code: "backup.unreadable" });
    await expect(readArchive(folder)).rejects.toMatchObject({ code: "backup.unreadable" });
  });
});
