import { shortestSecret } from "./forms.ts";
import type { Span } from "./shapes.ts";

/** Finds any of thousands of strings in one pass. Time grows with the text, not with the number of strings: an alternation in a pattern
 *  would try each of them at every place. */
export interface FormIndex {
  add(form: string): void;
  remove(form: string): void;
  /** Every occurrence; they may overlap. */
  find(text: string): Span[];
}

interface Entry {
  form: string;
  /** Where in the form the eight characters stand by which it is looked up. */
  offset: number;
  /** Two secrets may have a form in common. */
  uses: number;
}

export function createIndex(): FormIndex {
  const byForm = new Map<string, Entry>();
  const byAnchor = new Map<string, Entry[]>();
  // One flag for each hash of four characters tells nearly every place apart without cutting a string.
  const flags = new Uint8Array(65_536);

  return {
    add(form) {
      if (form.length < shortestSecret) return;
      const known = byForm.get(form);
      if (known) {
        known.uses += 1;
        return;
      }
      // All tokens of an App begin alike, and backwards they end alike: the rarest of three anchors keeps every list short.
      const last = form.length - shortestSecret;
      const load = (offset: number) => byAnchor.get(anchorAt(form, offset))?.length ?? 0;
      const offset = [last, Math.floor(last / 2), 0].reduce((best, next) => (load(next) < load(best) ? next : best));
      const entry = { form, offset, uses: 1 };
      byForm.set(form, entry);
      const anchor = anchorAt(form, offset);
      byAnchor.set(anchor, [...(byAnchor.get(anchor) ?? []), entry]);
      flags[hashAt(form, offset)] = 1;
    },
    remove(form) {
      const known = byForm.get(form);
      if (!known || --known.uses > 0) return;
      byForm.delete(form);
      const anchor = anchorAt(form, known.offset);
      const left = (byAnchor.get(anchor) ?? []).filter((entry) => entry !== known);
      // Its flag stays set, which costs a look and nothing else.
      if (left.length > 0) byAnchor.set(anchor, left);
      else byAnchor.delete(anchor);
    },
    find(text) {
      const spans: Span[] = [];
      if (byForm.size === 0) return spans;
      for (let at = 0; at + shortestSecret <= text.length; at++) {
        if (flags[hashAt(text, at)] === 0) continue;
        for (const { form, offset } of byAnchor.get(anchorAt(text, at)) ?? []) {
          const start = at - offset;
          if (start >= 0 && text.startsWith(form, start)) spans.push({ start, end: start + form.length });
        }
      }
      return spans;
    },
  };
}

function anchorAt(text: string, offset: number): string {
  return text.slice(offset, offset + shortestSecret);
}

function hashAt(text: string, at: number): number {
  const high = (text.charCodeAt(at) << 16) ^ text.charCodeAt(at + 1);
  const low = (text.charCodeAt(at + 2) << 16) ^ text.charCodeAt(at + 3);
  return (Math.imul(high, 0x9e3779b1) ^ Math.imul(low, 0x85ebca6b)) >>> 16;
}
