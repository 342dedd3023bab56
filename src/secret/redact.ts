import { createIndex } from "./form-index.ts";
import { formsOf } from "./forms.ts";
import { findSecretShapes, type Span } from "./shapes.ts";

/**
 * Stands before every outbound string and before the store. The promise: a registered value goes, also JSON-escaped (once or twice),
 * URL-encoded, in base64 at any alignment, in hex and reversed; so does what has the shape of a well-known credential. Not promised: values of under
 * eight characters, and any other disguise (cut up, compressed, encoded twice). Take out colour and invisible characters first.
 */
export interface Redactor {
  redact(text: string): string;
  /** Remembers one more value. The last 4,000 are kept; those given at the start always. */
  add(value: string): void;
  /** For text that comes in pieces: what `write` and `end` return, joined, is the redacted whole, wherever the pieces were cut. */
  stream(): { write(piece: string): string; end(): string };
}

export const redactedMark = "[redacted]";

const mostAdded = 4_000;
/** What a stream holds back. A credential longer than this may be seen in part where pieces meet. */
const heldCharacters = 16_384;

export function createRedactor(options: { values: readonly string[] }): Redactor {
  const index = createIndex();
  const added = new Set<string>();
  for (const value of new Set(options.values)) for (const form of formsOf(value)) index.add(form);
  const find = (text: string) => merge([...index.find(text), ...findSecretShapes(text)]);
  const redact = (text: string) => replace(text, find(text));

  return {
    redact,
    add(value) {
      if (added.has(value)) return;
      for (const form of formsOf(value)) index.add(form);
      added.add(value);
      const oldest = added.values().next().value;
      if (added.size <= mostAdded || oldest === undefined) return;
      added.delete(oldest);
      for (const form of formsOf(oldest)) index.remove(form);
    },
    stream() {
      let held = "";
      return {
        write(piece) {
          held += piece;
          // Twice the span, or every small piece would have the whole tail scanned again.
          if (held.length < 2 * heldCharacters) return "";
          const spans = find(held);
          const safe = held.length - heldCharacters;
          const cut = spans.find((span) => span.start < safe && span.end > safe)?.end ?? safe;
          const ready = replace(
            held.slice(0, cut),
            spans.filter((span) => span.end <= cut),
          );
          held = held.slice(cut);
          return ready;
        },
        end() {
          const rest = redact(held);
          held = "";
          return rest;
        },
      };
    },
  };
}

/** In order, and none overlapping another. */
function merge(spans: Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last && span.start < last.end) last.end = Math.max(last.end, span.end);
    else merged.push({ start: span.start, end: span.end });
  }
  return merged;
}

function replace(text: string, spans: readonly Span[]): string {
  let out = "";
  let from = 0;
  for (const span of spans) {
    out += text.slice(from, span.start) + redactedMark;
    from = span.end;
  }
  return from === 0 ? text : out + text.slice(from);
}
