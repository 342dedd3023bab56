/** ◆ What a parser of HTTP reads over without a word: chunks that say more than their length, and lines behind the last of them. */

export type FramingFault = { rule: "http.chunk-extension" | "http.trailer"; why: string };

/** Told all bytes of a connection, in order and before they are parsed; undefined as long as nothing is odd. It follows only what the
 *  strict rules let pass, exactly `chunked` or one plain length: everything else is refused by these. */
export function createFramingReader(): (bytes: Buffer) => FramingFault | undefined {
  let at: "head" | "length" | "size" | "chunk" | "trailer" = "head";
  let line = "";
  let left = 0;
  let fault: FramingFault | undefined;

  /** Takes up to and with `end` from `bytes`; undefined while it is not there yet. */
  const takeTo = (bytes: Buffer, from: number, end: string): number | undefined => {
    const before = line.length;
    const text = line + bytes.toString("latin1", from, from + longestHead);
    const found = text.indexOf(end, Math.max(0, before - end.length));
    line = found < 0 ? text.slice(0, longestHead) : text.slice(0, found);
    return found < 0 ? undefined : from + found + end.length - before;
  };

  return (bytes) => {
    for (let from = 0; from < bytes.length && !fault; ) {
      if (at === "length" || at === "chunk") {
        const taken = Math.min(left, bytes.length - from);
        from += taken;
        left -= taken;
        if (left > 0) break;
        at = at === "length" ? "head" : "size";
        continue;
      }
      const next = takeTo(bytes, from, at === "head" ? "\r\n\r\n" : "\r\n");
      if (next === undefined) break;
      from = next;
      if (at === "head") {
        const body = bodyOf(line);
        [at, left] = body === "chunked" ? ["size", 0] : body > 0 ? ["length", body] : ["head", 0];
      } else if (at === "size") {
        if (!/^[\da-fA-F]{1,8}$/.test(line)) fault = chunkExtension;
        left = Number.parseInt(line, 16);
        // Its line end is part of it.
        [at, left] = left === 0 ? ["trailer", 0] : ["chunk", left + 2];
      } else {
        if (line !== "") fault = trailer;
        at = "head";
      }
      line = "";
    }
    return fault;
  };
}

/** As long as any head that the parser takes. */
const longestHead = 65_536;

const chunkExtension: FramingFault = { rule: "http.chunk-extension", why: "a chunk says its length and nothing else here" };
const trailer: FramingFault = { rule: "http.trailer", why: "trailers are not spoken here" };

function bodyOf(head: string): "chunked" | number {
  if (/(?:^|\n)transfer-encoding:[ \t]*chunked[ \t]*(?:\r|$)/i.test(head)) return "chunked";
  return Number(/(?:^|\n)content-length:[ \t]*(\d{1,12})[ \t]*(?:\r|$)/i.exec(head)?.[1] ?? 0);
}
