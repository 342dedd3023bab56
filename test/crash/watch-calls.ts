import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from "node:net";
import type { Witness } from "../../src/local/github/server.ts";

/** Method and path. The query that follows may be longer than a chunk: an engine's client puts a container's whole configuration there. */
const head = /^(GET|POST|PUT|PATCH|DELETE|HEAD) (\/[^\s?]*)[\s?]/;

/** Another way to a server that speaks HTTP, with a witness before each call reaches it and before its answer goes back. */
export interface Watched extends AsyncDisposable {
  /** Of the loopback; 0 where it listens at a socket. */
  port: number;
}

/** `at`: the socket to listen at; none takes a port of the loopback. */
export async function watchCalls(of: { at?: string; to: NetConnectOpts; witness: Witness }): Promise<Watched> {
  const { at, to, witness } = of;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const far = connect(to);
    let asked: { method: string; path: string } | undefined;
    // One after the other: a chunk must not overtake the one whose witness still looks.
    let toFar = Promise.resolve();
    let toClient = Promise.resolve();
    const cut = () => {
      client.destroy();
      far.destroy();
    };
    client.on("data", (chunk: Buffer) => {
      const [, method, path] = head.exec(chunk.subarray(0, 2_048).toString("latin1")) ?? [];
      toFar = toFar.then(async () => {
        if (method && path) {
          asked = { method, path };
          await witness.before(asked);
        }
        far.write(chunk);
      });
      toFar.catch(cut);
    });
    far.on("data", (chunk: Buffer) => {
      const answered = asked;
      asked = undefined;
      toClient = toClient.then(async () => {
        if (answered) await witness.after(answered);
        client.write(chunk);
      });
      toClient.catch(cut);
    });
    client.on("end", () => void toFar.then(() => far.end()).catch(cut));
    far.on("end", () => void toClient.then(() => client.end()).catch(cut));
    for (const [mine, other] of [
      [client, far],
      [far, client],
    ] as const) {
      open.add(mine);
      mine.on("error", () => other.destroy());
      mine.on("close", () => {
        open.delete(mine);
        other.destroy();
      });
    }
  });
  if (at === undefined) server.listen(0, "127.0.0.1");
  else {
    await rm(at, { force: true });
    server.listen(at);
  }
  await once(server, "listening");
  // As an engine's own: a sandbox is not started where anybody can reach it.
  if (at !== undefined) await chmod(at, 0o600);
  return {
    port: at === undefined ? (server.address() as AddressInfo).port : 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      if (at !== undefined) await rm(at, { force: true });
    },
  };
}
