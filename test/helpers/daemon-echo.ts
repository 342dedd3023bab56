/** A daemon that tells what it is, for tests of how daemons are started. */
import { readFileSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { answerJson } from "../../src/privilege/control-server.ts";
import { runDaemon } from "../../src/privilege/daemon.ts";

await runDaemon(async (config: unknown) => ({
  async handle(_request, response, url) {
    if (url.pathname !== "/self") return false;
    answerJson(response, 200, {
      config,
      status: readFileSync("/proc/self/status", "utf8"),
      argv: process.argv,
      env: process.env,
      interfaces: Object.keys(networkInterfaces()),
      namespace: readlinkSync("/proc/self/ns/net"),
    });
    return true;
  },
  async close() {},
}));
