import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/** What socat is in the sandbox: a loopback port before a Unix socket. */
export async function openLoopback(socketPath: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((client) => {
    const door = connect(socketPath);
    client.on("error", () => door.destroy());
    door.on("error", () => client.destroy());
    client.pipe(door).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      await new Promise((done) => server.close(done));
    },
  };
}
