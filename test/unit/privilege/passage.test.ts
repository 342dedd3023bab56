import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ensurePassage } from "../../../src/privilege/passage.ts";

let top: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), "alp-"));
  await mkdir(join(top, "home/data"), { recursive: true });
});
afterEach(() => rm(top, { recursive: true }));

it("names the folder on the way that keeps our accounts out, and what to do", async () => {
  const data = join(top, "home/data");
  await chmod(join(top, "home"), 0o700);
  await chmod(top, 0o711);
  const told = { code: "settings.passage", message: expect.stringContaining(`lies in ${join(top, "home")},`) };
  await expect(ensurePassage(data)).rejects.toMatchObject({ ...told, remedy: expect.stringContaining("AIRLOCK_DATA") });
  await chmod(join(top, "home"), 0o711);
  // The data folder's own mode is Airlock's to set.
  await chmod(data, 0o700);
  await ensurePassage(data);
});
