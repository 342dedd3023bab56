import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { runCommandLine } from "../../../src/cli/program.ts";
import { fakeTerminal } from "./fake-terminal.ts";

let server: Server;
let folder: string;
let installation: { status: number; body: object };
beforeEach(async () => {
  const answers: Record<string, () => { status: number; body: object }> = {
    "/api/v3/app": () => ({ status: 200, body: { id: 1, slug: "airlock", permissions: {} } }),
    "/api/v3/users/airlock%5Bbot%5D": () => ({ status: 200, body: { id: 4 } }),
    "/api/v3/repos/acme/shop/installation": () => installation,
  };
  server = createServer((request, response) => {
    const { status, body } = answers[request.url ?? ""]?.() ?? { status: 404, body: {} };
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  folder = mkdtempSync(join(tmpdir(), "token-"));
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  vi.stubEnv("APP_ID", "1");
  vi.stubEnv("PRIVATE_KEY", privateKey.export({ type: "pkcs1", format: "pem" }).toString());
  vi.stubEnv("GHE_HOST", `127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("GHE_PROTOCOL", "http");
  vi.stubEnv("AIRLOCK_DATA", folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

it.each([
  ["is told where the App is not installed", 404, 1, "is not installed on acme/shop"],
  ["is told where GitHub is away, which is no fault of Airlock's own", 502, 69, "GitHub does not say"],
])("who mints a token %s", async (_, status, code, words) => {
  installation = { status, body: { message: "x" } };
  const terminal = fakeTerminal();
  expect(await runCommandLine(["token", "mint", "--repo", "acme/shop"], terminal)).toBe(code);
  expect(terminal.outLines).toEqual([]);
  expect(terminal.errLines.join("\n")).toContain(words);
  expect(terminal.errLines.join("\n")).not.toContain("please report");
});
