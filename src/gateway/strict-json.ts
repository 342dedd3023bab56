/** ◆ JSON that has one reading: what is checked here is what the far end sees, since it is serialised anew. */

export type StrictJson = { ok: true; value: unknown } | { ok: false; why: string };

/** Refuses invalid UTF-8, a byte order mark, anything after the value, an object with the same key twice, nesting over 128. */
export function parseStrictJson(bytes: Uint8Array): StrictJson {
  let text: string;
  try {
    // ignoreBOM keeps a mark, so that JSON.parse refuses it.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { ok: false, why: "the body is not UTF-8" };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, why: "the body is not JSON" };
  }
  const why = findAmbiguity(text);
  return why === undefined ? { ok: true, value } : { ok: false, why };
}

const deepest = 128;

/** Walks JSON that is known to be well-formed. */
function findAmbiguity(text: string): string | undefined {
  // One set of keys for each open object, undefined for each open array.
  const open: (Set<string> | undefined)[] = [];
  let keyNext = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x7b:
        open.push(new Set());
        keyNext = true;
        break;
      case 0x5b:
        open.push(undefined);
        keyNext = false;
        break;
      case 0x7d:
      case 0x5d:
        open.pop();
        keyNext = false;
        break;
      case 0x2c:
        keyNext = open.at(-1) !== undefined;
        break;
      case 0x22: {
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (keyNext && keys) {
          // Unescaped first: "a" and "\u0061" are the same key to every reader.
          const key = JSON.parse(text.slice(at, end + 1)) as string;
          if (keys.has(key)) return "an object has the same key twice";
          keys.add(key);
          keyNext = false;
        }
        at = end;
        break;
      }
    }
    if (open.length > deepest) return "the body is nested too deeply";
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  return text.length;
}
