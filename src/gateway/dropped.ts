import type { Server } from "node:http";
import type { Spool } from "./spool.ts";

/** Once a second at most: whoever knocks in a loop must not fill the record with it. */
const tellMs = 1_000;

/** Puts on record what Node turns away before anybody here sees it: connections beyond the number at once, requests beyond the number on
 *  one connection. The answer ends it, with what was not told yet. */
export function recordDropped(server: Server, record: (row: Parameters<Spool["append"]>[0]) => void): () => void {
  const row = { door: "none", verdict: "refused", bytesIn: 0, bytesOut: 0, durationMs: 0 } as const;
  let connections = 0;
  let clock: NodeJS.Timeout | undefined;
  const tell = () => {
    clearTimeout(clock);
    clock = undefined;
    if (connections === 0) return;
    const target = `${connections} connections beyond ${server.maxConnections} at once`;
    connections = 0;
    record({ ...row, atMs: Date.now(), method: "", target, rule: "door.connections", status: 0 });
  };
  server.on("drop", () => {
    connections += 1;
    clock ??= setTimeout(tell, tellMs);
  });
  // Node answers 503 and closes.
  server.on("dropRequest", ({ method = "", url = "" }) => {
    const said = { method: method.slice(0, 32), target: url.slice(0, 512) };
    record({ ...row, ...said, atMs: Date.now(), rule: "door.requests", status: 503 });
  });
  return tell;
}
