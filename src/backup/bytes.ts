import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { Fault } from "../fault.ts";
import { damaged } from "./manifest.ts";
import { isZero } from "./tar-header.ts";

export interface Bytes extends AsyncDisposable {
  exactly(count: number): Promise<Buffer>;
  take(count: number): AsyncGenerator<Buffer>;
  skip(count: number): Promise<void>;
  rest(): AsyncGenerator<Buffer>;
}

/** The decompressed bytes of a file, as many at a time as are asked for. Too few are Fault "backup.damaged". */
export function openBytes(file: string): Bytes {
  const source = createReadStream(file);
  const plain = createGunzip();
  source.once("error", (cause) =>
    plain.destroy(
      new Fault("backup.unreadable", `${file} cannot be read`, { remedy: "Name a backup file that this user may read", cause }),
    ),
  );
  const chunks: AsyncIterator<Buffer> = source.pipe(plain)[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    try {
      const next = await chunks.next();
      if (next.done) return false;
      held = next.value;
      return true;
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      throw damaged("it was cut or changed, and does not decompress", cause);
    }
  };
  const take = async function* (count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      if (held.length === 0 && !(await more())) throw damaged("it ends before its end");
      const some = held.subarray(0, left);
      held = held.subarray(some.length);
      left -= some.length;
      if (some.length > 0) yield some;
    }
  };
  return {
    take,
    async exactly(count) {
      const some: Buffer[] = [];
      for await (const chunk of take(count)) some.push(chunk);
      return Buffer.concat(some);
    },
    async skip(count) {
      for await (const chunk of take(count)) if (!isZero(chunk)) throw damaged("something stands between its parts");
    },
    async *rest() {
      do if (held.length > 0) yield held;
      while (await more());
    },
    async [Symbol.asyncDispose]() {
      source.destroy();
      plain.destroy();
    },
  };
}
