import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nothingKnown } from "../../src/gateway/registry/known.ts";
import type { RunId } from "../../src/run/identity.ts";
import { controlFell } from "../helpers/control.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { closeServer } from "../helpers/git-upstream.ts";
import { ask } from "../helpers/raw-http.ts";
import { openRegistryStandIn, type RegistryStandIn } from "../helpers/registries.ts";

const limit = 5;

describe("attacks through the package registries", () => {
  let folder: string;
  let registry: RegistryStandIn;
  let house: House;
  /** The undefended control: an open pull-through, which asks the registry for whatever path it is given. */
  let open: { port: number } & AsyncDisposable;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ala-"));
    registry = await openRegistryStandIn(folder);
    house = await openHouse({ registries: { upstreams: registry.upstreams, newPackages: limit } });
    open = await openProxy(registry.url);
  }, 60_000);
  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    await open[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function openRun(
    npm: string[] = [],
  ): Promise<{ run: RunId; get: (path: string, method?: string) => ReturnType<typeof ask> }> {
    const run = mintTestRun();
    const socket = await house.openDoor(run);
    await house.gateway.tellPackages(run, { ...nothingKnown, names: { ...nothingKnown.names, npm } });
    return { run, get: (path, method = "GET") => ask(socket, { method, target: `/registry/${path}` }) };
  }
  const throughControl = (path: string) => fetch(`http://127.0.0.1:${open.port}/${path}`);
  const seen = (data: string) => registry.asked.filter((line) => line.includes(data)).length;

  it("[63] data in the host that a Go module's path names reaches no host", async () => {
    const { run, get } = await openRun();
    await throughControl("go/c2vjcmv0-control.evil.test/@v/list");
    // Without /cached-only the proxy would ask that host by itself.
    controlFell(seen("GET /go/c2vjcmv0-control.evil.test") === 1);
    const answer = await get("go/c2vjcmv0.evil.test/@v/list");
    expect(answer.status).toBe(404);
    expect(seen("GET /go/c2vjcmv0.evil.test")).toBe(0);
    expect((await house.closeAndRead(run)).at(-1)).toMatchObject({ verdict: "refused", rule: "registry.go-not-cached" });
  });

  it("[63] query strings do not reach the registry", async () => {
    const { run, get } = await openRun(["left"]);
    await throughControl("npm/left?data=control");
    controlFell(seen("data=control") === 1);
    for (const path of ["npm/left?data=secret", "pypi/simple/left/?data=secret", "crates/config.json?data=secret"])
      expect((await get(path)).status).toBe(403);
    expect(seen("data=secret")).toBe(0);
    expect((await house.closeAndRead(run)).every((row) => row.rule === "registry.query")).toBe(true);
  });

  it("[63] of a thousand invented names only the capped number leaves, over restarts of the gateway too", async () => {
    const { run, get } = await openRun();
    for (let nth = 0; nth < 20; nth++) await throughControl(`npm/control-${nth}`);
    controlFell(seen("/npm/control-") === 20);
    for (let nth = 0; nth < 1_000; nth++) await get(`npm/invented-${nth}`);
    expect(seen("/npm/invented-")).toBe(limit);
    process.kill(house.daemons.gateway.pid, "SIGKILL");
    await house.restartGateway();
    const socket = await house.openDoor(run);
    await house.gateway.tellPackages(run, nothingKnown);
    const again = await ask(socket, { method: "GET", target: "/registry/npm/invented-after" });
    expect(again.body).toContain("AIRLOCK_NEW_PACKAGES");
    expect(seen("invented-after")).toBe(0);
    const rows = await house.closeAndRead(run);
    expect(rows.filter((row) => row.rule === "registry.new-name").length).toBe(limit);
    expect(rows.filter((row) => row.rule === "registry.new-name-limit").length).toBe(1_000 - limit + 1);
  }, 60_000);

  it("[63] other spellings of a name, of a path or of a method are no requests", async () => {
    const { get } = await openRun(["left"]);
    await throughControl("npm/%6ceft");
    controlFell(seen("%6ceft") === 1);
    const paths = [
      "npm/%6Ceft",
      "npm/left/",
      "npm/../npm/left",
      "npm//left",
      "npm/left/-/../../evil.tgz",
      "npm/-/v1/search",
      "npm/@a%2f@b",
      "npm/@a%252fb",
      "npm/.left",
      "pypi/simple/Left/",
      "pypi/simple/left",
      "pypi/files/left/..%2fx",
      "crates/le/ft/right",
      "crates/LE/FT/LEFT",
      "crates/dl/left/latest",
      "go/localhost/@v/list",
      "go/127.0.0.1:80/x/@v/list",
      "go/evil.test/..//@v/list",
      "go/evil.test/x/@v/master.info",
      "go/sumdb/sum.golang.org/lookup/evil.test@v1.0.0",
      "rubygems/left",
    ];
    const before = registry.asked.length;
    for (const path of paths) expect((await get(path)).status, path).toBe(403);
    for (const method of ["PUT", "POST", "DELETE"]) expect((await get("npm/left", method)).status, method).toBe(403);
    expect(registry.asked.length).toBe(before);
  });

  it("[13] a publish, a login or a search does not leave", async () => {
    const { run, get } = await openRun(["left"]);
    const before = registry.asked.length;
    for (const path of ["npm/-/user/org.couchdb.user:x", "npm/-/npm/v1/security/advisories/bulk", "npm/left"])
      expect((await get(path, "PUT")).status).toBe(403);
    expect(registry.asked.length).toBe(before);
    expect((await house.closeAndRead(run)).every((row) => row.door === "registry" && row.verdict === "refused")).toBe(true);
  });

  it("[76] a file that does not have its digest is neither given nor kept for another run", async () => {
    await registry.addNpm("poison", "1.0.0");
    const path = "/npm/poison/-/poison-1.0.0.tgz";
    const good = registry.files.get(path) as Buffer;
    const first = await openRun(["poison"]);
    registry.files.set(path, Buffer.from("evil"));
    controlFell((await (await throughControl(path.slice(1))).text()) === "evil");
    expect((await first.get(path.slice(1))).status).toBe(502);
    registry.files.set(path, good);
    const second = await openRun(["poison"]);
    expect((await second.get(path.slice(1))).status).toBe(200);
    // From here on it comes from the shelf, whatever the registry says.
    registry.files.set(path, Buffer.from("evil"));
    const third = await openRun(["poison"]);
    const answer = await third.get(path.slice(1));
    expect(answer.status).toBe(200);
    expect(answer.raw.endsWith(good.toString("latin1"))).toBe(true);
    expect((await house.closeAndRead(first.run)).at(-1)).toMatchObject({ rule: "registry.digest", verdict: "refused" });
  });

  it("[74] a file address or a redirect that points elsewhere is not followed", async () => {
    await using elsewhere = await openProxy(registry.url);
    const tarball = `http://127.0.0.1:${elsewhere.port}/npm/off/-/off-1.0.0.tgz`;
    expect((await fetch(tarball)).status).toBe(404);
    expect(elsewhere.hits()).toBe(1);
    const dist = { tarball, shasum: "0".repeat(40) };
    registry.files.set("/npm/off", Buffer.from(JSON.stringify({ name: "off", versions: { "1.0.0": { dist } } })));
    const { get } = await openRun(["off"]);
    expect((await get("npm/off")).body).not.toContain("1.0.0");
    expect((await get("npm/off/-/off-1.0.0.tgz")).status).toBe(404);
    expect(elsewhere.hits()).toBe(1);
  });
});

async function openProxy(to: string): Promise<{ port: number; hits(): number } & AsyncDisposable> {
  let hits = 0;
  const server = createServer(async (request, response) => {
    hits += 1;
    const answer = await fetch(`${to}${request.url}`);
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, hits: () => hits, [Symbol.asyncDispose]: () => closeServer(server) };
}
