import type { EvidenceRow } from "../run/evidence.ts";

/** What became of one request; its row is made of this when the request has ended. Filled while it is served. */
export type Outcome = Pick<EvidenceRow, "door" | "verdict" | "rule" | "bytesIn" | "bytesOut"> & {
  usage?: NonNullable<EvidenceRow["usage"]>;
};
