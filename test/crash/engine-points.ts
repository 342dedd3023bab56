import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import type { Witness } from "../../src/local/github/server.ts";

const engineSocket = "/var/run/docker.sock";
const head = /^(GET|POST|PUT|DELETE|HEAD) (\S+) HTTP\/1\.1\r\n/;

/** The engine at another socket, with a witness before each call reaches it and before its answer goes back. */
export async function watchEngine(path: string, witness: Witness): Promise<AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect(engineSocket);
    let asked: { method: string; path: string } | undefined;
    // One after the other: a chunk must not overtake the one whose witness still looks.
    let toEngine = Promise.resolve();
    let toClient = Promise.resolve();
    client.on("data", (chunk: Buffer) => {
      const [, method, target] = head.exec(chunk.subarray(0, 2_048).toString("latin1")) ?? [];
      toEngine = toEngine.then(async () => {
        if (method && target) {
          asked = { method, path: target.replace(/^\/v[\d.]+/, "").split("?")[0] ?? target };
          await witness.before(asked);
        }
        engine.write(chunk);
      });
    });
    engine.on("data", (chunk: Buffer) => {
      const answered = asked;
      asked = undefined;
      toClient = toClient.then(async () => {
        if (answered) await witness.after(answered);
        client.write(chunk);
      });
    });
    client.on("end", () => void toEngine.then(() => engine.end()));
    engine.on("end", () => void toClient.then(() => client.end()));
    for (const [mine, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      open.add(mine);
      mine.on("error", () => other.destroy());
      mine.on("close", () => {
        open.delete(mine);
        other.destroy();
      });
    }
  });
  await rm(path, { force: true });
  server.listen(path);
  await once(server, "listening");
  // As the engine's own: a sandbox is not started where anybody can reach it.
  await chmod(path, 0o600);
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await rm(path, { force: true });
    },
  };
}
