import type { EvidenceRow } from "../run/evidence.ts";
import type { Charge } from "./model/ledger.ts";
import { chargeOf } from "./model/price.ts";

/** Where a record goes on that is not here, and what its rows have used up by then: another machine, or an earlier stay on this one, began it. */
export interface RecordStart {
  /** The last row that the App has, and the digest that a gateway gave it. */
  seq: number;
  digest: string;
  spent: Charge;
  /** By tunnels. */
  carried: { bytesIn: number; bytesOut: number };
}

/** Pure. `rows`: all that the App has, with the digests that a gateway gave them. Undefined: there are none. */
export function decideRecordStart(rows: readonly EvidenceRow[]): RecordStart | undefined {
  const last = rows.at(-1);
  if (last?.digest === undefined) return undefined;
  const spent = { microUsd: 0, tokens: 0 };
  const carried = { bytesIn: 0, bytesOut: 0 };
  for (const { door, usage, bytesIn, bytesOut } of rows) {
    if (usage) {
      const charge = chargeOf(usage);
      spent.microUsd += charge.microUsd;
      spent.tokens += charge.tokens;
    }
    if (door !== "connect") continue;
    carried.bytesIn += bytesIn;
    carried.bytesOut += bytesOut;
  }
  return { seq: last.seq, digest: last.digest, spent, carried };
}

/** As it comes in an order. Undefined: the record begins here. */
export function parseRecordStart(body: unknown): RecordStart | undefined {
  const { after } = (body ?? {}) as { after?: Partial<RecordStart> };
  const { seq, digest, spent, carried } = after ?? {};
  const amounts = [spent?.microUsd, spent?.tokens, carried?.bytesIn, carried?.bytesOut];
  const [microUsd = -1, tokens = -1, bytesIn = -1, bytesOut = -1] = amounts;
  if (![seq, microUsd, tokens, bytesIn, bytesOut].every((each) => Number.isSafeInteger(each) && Number(each) >= 0))
    return undefined;
  if (typeof seq !== "number" || seq < 1) return undefined;
  if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) return undefined;
  return { seq, digest, spent: { microUsd, tokens }, carried: { bytesIn, bytesOut } };
}
