import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Witness } from "../../src/local/github/server.ts";

/**
 * Another way to a PostgreSQL server, with a witness before each change reaches it and before its answer goes back. What it is told: the
 * statement's first word and its table, or COMMIT and the tables of the whole transaction.
 */
export async function watchDatabase(of: { folder: string; serverFolder: string; witness: Witness }): Promise<AsyncDisposable> {
  const { folder, serverFolder, witness } = of;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const far = connect(socketIn(serverFolder));
    let asked: { method: string; path: string } | undefined;
    let written: Set<string> | undefined;
    // The first message has no type.
    const fromClient = splitMessages({ untyped: 1 });
    const fromFar = splitMessages({ untyped: 0 });
    const readChange = (message: Message): { method: string; path: string } | undefined => {
      const text =
        message.type === "Q" ? message.body : message.type === "P" ? message.body.slice(message.body.indexOf("\0") + 1) : "";
      if (/^begin\b/i.test(text)) written = new Set();
      if (/^rollback\b/i.test(text)) written = undefined;
      if (/^commit\b/i.test(text)) {
        const path = [...(written ?? [])].sort().join(" ");
        written = undefined;
        return { method: "COMMIT", path };
      }
      const tables = [...text.matchAll(/\b(insert into|(?<!for |key )update|delete from)\s+"?([\w.]+)"?/gi)];
      const [first] = tables;
      if (!first) return undefined;
      for (const [, , table = ""] of tables) written?.add(table);
      // Of a transaction only its end counts: before, nothing of it is there for others.
      if (written) return undefined;
      return { method: first[1]?.split(" ")[0]?.toUpperCase() ?? "", path: first[2] ?? "" };
    };
    const cut = () => {
      client.destroy();
      far.destroy();
    };
    let toFar = Promise.resolve();
    let toClient = Promise.resolve();
    client.on("data", (chunk: Buffer) => {
      const messages = fromClient(chunk);
      toFar = toFar.then(async () => {
        for (const message of messages) {
          const change = readChange(message);
          if (change) {
            asked = change;
            await witness.before(change);
          }
          far.write(message.bytes);
        }
      });
      toFar.catch(cut);
    });
    far.on("data", (chunk: Buffer) => {
      const messages = fromFar(chunk);
      toClient = toClient.then(async () => {
        for (const message of messages) {
          // Ready for the next: what was asked is done.
          if (message.type === "Z" && asked) {
            const done = asked;
            asked = undefined;
            await witness.after(done);
          }
          client.write(message.bytes);
        }
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
  await mkdir(folder, { recursive: true });
  await rm(socketIn(folder), { force: true });
  server.listen(socketIn(folder));
  await once(server, "listening");
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

function socketIn(folder: string): string {
  return join(folder, ".s.PGSQL.5432");
}

interface Message {
  type: string;
  body: string;
  bytes: Buffer;
}

/** Cuts a stream into whole messages. `untyped`: so many at its beginning have a length, and no type before it. */
function splitMessages({ untyped }: { untyped: number }): (chunk: Buffer) => Message[] {
  let rest: Buffer = Buffer.alloc(0);
  let left = untyped;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const messages: Message[] = [];
    for (;;) {
      const typed = left > 0 ? 0 : 1;
      if (rest.length < typed + 4) return messages;
      const length = typed + rest.readUInt32BE(typed);
      if (rest.length < length) return messages;
      const bytes = rest.subarray(0, length);
      // A statement's beginning is enough, and its values are nobody's business.
      const body = bytes.subarray(typed + 4, typed + 4 + 4_096).toString("latin1");
      messages.push({ type: typed === 0 ? "" : String.fromCharCode(bytes[0] ?? 0), body, bytes });
      rest = rest.subarray(length);
      left = Math.max(0, left - 1);
    }
  };
}
