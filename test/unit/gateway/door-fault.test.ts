import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { internet } from "../../../src/gateway/connect/internet.ts";
import { tunnelLimits } from "../../../src/gateway/connect/limits.ts";
import { Doors } from "../../../src/gateway/doors.ts";
import { openCaps } from "../../../src/gateway/model/caps.ts";
import { openReceipts } from "../../../src/gateway/model/receipts.ts";
import { openModelUpstream } from "../../../src/gateway/model/upstream.ts";
import { openRegistries } from "../../../src/gateway/registry/serve.ts";
import { openSpool } from "../../../src/gateway/spool.ts";
import { ensureFolder } from "../../../src/privilege/folder.ts";
import type { EvidenceRow } from "../../../src/run/evidence.ts";
import { digestOf, firstDigest } from "../../../src/secret/chain.ts";
import { mintTestRun } from "../../helpers/gateway-house.ts";
import { ask } from "../../helpers/raw-http.ts";
import { until } from "../../helpers/until.ts";

describe.runIf(process.getuid?.() === 0)("a door", () => {
  let folder: string;
  let held: AsyncDisposableStack;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "adf-"));
    held = new AsyncDisposableStack();
    const spool = join(folder, "spool");
    await ensureFolder({ path: spool, mode: 0o700 });
    await execa("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", spool]);
    held.defer(async () => void (await execa("umount", ["-l", spool])));
  });
  afterEach(async () => {
    await held.disposeAsync();
    await rm(folder, { recursive: true });
  });

  it("whose row cannot be written shuts, is opened anew when it can, and leaves the others as they are", async () => {
    const upstream = openModelUpstream({ baseUrl: "http://127.0.0.1:9", credential: { kind: "api-key", value: "none" } });
    const registries = openRegistries({ upstreams: {}, newPackages: 0, cacheFolder: join(folder, "cache") }, {});
    held.defer(() => {
      upstream.close();
      registries.close();
    });
    const faults: string[] = [];
    const doors = new Doors({
      ...{ spoolFolder: join(folder, "spool"), backendSocket: join(folder, "none.sock"), upstream, registries },
      // Whatever is read of GitHub fails in a way that nobody foresaw.
      api: { apiUrl: "http://127.0.0.1:9", get: () => Promise.reject(new Error("unforeseen")), close() {} },
      caps: openCaps({
        socketPath: join(folder, "caps.sock"),
        receipts: openReceipts(join(folder, "receipts")),
        patienceMs: 1_000,
      }),
      tunnels: { hosts: [], internet, limits: tunnelLimits },
      onFault: (error) => faults.push(String(error)),
    });
    const openFor = async (run: ReturnType<typeof mintTestRun>) => {
      await ensureFolder({ path: join(folder, run), mode: 0o700 });
      return (await doors.open({ run, folder: join(folder, run), policy: {} })).socketPath;
    };
    const [run, other] = [mintTestRun(), mintTestRun()];
    const [socket, next] = [await openFor(run), await openFor(other)];
    held.defer(async () => {
      for (const each of [run, other]) await doors.close(each, 0);
    });
    const health = (at: string) => ask(at, { method: "GET", target: "/healthz" });
    doors.tellReader(run, { owner: "acme", name: "shop", token: "ghs_0123456789abcdefghij" });
    expect((await ask(socket, { method: "GET", target: "/repos/acme/shop" })).body).toContain("Rule door.fault.");
    expect((await health(socket)).status).toBe(200);
    expect(faults).toEqual(["Error: unforeseen"]);

    const filler = await open(join(folder, "spool/filler"), "w");
    for (const piece of [Buffer.alloc(65_536), Buffer.alloc(1)])
      try {
        for (;;) await filler.write(piece);
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
      }
    await filler.close();
    // The rest of the page that the record has begun is its own.
    await until("the record to be full", async () => {
      const answer = await health(socket).catch(() => undefined);
      return answer === undefined;
    });
    expect(faults.at(-1)).toContain("ENOSPC");
    await expect.poll(() => doors.list().find((door) => door.run === run)?.open).toBe(false);
    await expect(health(socket)).rejects.toMatchObject({ code: expect.stringMatching(/ECONNREFUSED|ENOENT/) });
    expect(doors.list().find((door) => door.run === other)?.open).toBe(true);
    await rm(join(folder, "spool/filler"));
    expect((await health(next)).status).toBe(200);
    expect((await health(await openFor(run))).status).toBe(200);
    // Nothing of the row that could not be written stands in the way of those after it.
    const lastSeq = await doors.close(run, 0);
    const rows: EvidenceRow[] = [];
    for await (const row of openSpool(join(folder, "spool"), run).rows()) rows.push(row);
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, nth) => nth + 1));
    expect(rows).toHaveLength(lastSeq);
    let digest = firstDigest(run);
    for (const row of rows) {
      const { digest: own, ...bare } = row;
      digest = digestOf(digest, bare);
      expect(own).toBe(digest);
    }
    expect(rows.filter(({ rule }) => rule === "gateway.health").length).toBeGreaterThan(1);
  });
});
