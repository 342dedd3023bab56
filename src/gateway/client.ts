import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../fault.ts";
import { readLines } from "../lines.ts";
import { type ControlAnswer, callControl, openControl } from "../privilege/control-client.ts";
import type { DaemonHealth } from "../privilege/daemon.ts";
import { findHealth } from "../privilege/start.ts";
import type { EvidenceRow } from "../run/evidence.ts";
import type { RunId } from "../run/identity.ts";
import type { ModelPolicy } from "./model/policy.ts";
import type { NetworkNote } from "./network.ts";
import type { RecordStart } from "./record-start.ts";
import type { KnownPackages } from "./registry/known.ts";

export interface DoorState {
  run: RunId;
  /** false: closed (or left behind by a gateway that ended), and its record waits to be acknowledged. */
  open: boolean;
  folder: string | null;
  lastSeq: number;
}

export interface DoorOrder {
  run: RunId;
  /** 2710, owned by the gateway's account, group of the run. */
  folder: string;
  /** Only ever the run's own: `<run>.git`. */
  repository?: string;
  /** What its calls of the model API are held to, beside the fixed rules for bodies. */
  model?: ModelPolicy;
  /** Where the record goes on that the App has rows of, if it is not here. */
  after?: RecordStart;
}

export interface OpenedDoor {
  socketPath: string;
  /** What the gateway does not know of the run (any more). */
  lacks: { packages: boolean };
}

/** The App's side of the gateway. Methods throw Fault "daemon.away" where it does not answer. */
export interface Gateway {
  /** Idempotent; also after a gateway restart, on the same folder. */
  openDoor(wish: DoorOrder): Promise<OpenedDoor>;
  /** What the run's base names: those packages pass the registries uncounted. Needed again where `lacks.packages`. */
  tellPackages(run: RunId, known: KnownPackages): Promise<void>;
  /** A token that may only read, for the API of this one repository. Told again whenever it was replaced, and after a gateway that ended. */
  tellReader(run: RunId, reader: { owner: string; name: string; token: string }): Promise<void>;
  /** Puts what a firewalled run's network refused on its record, as far as it is not there yet. Nothing where there is no record. */
  noteNetwork(run: RunId, note: NetworkNote): Promise<void>;
  /** Requests in work get `graceMs` (default 0). When it resolves, all rows are written. 0: nothing was asked. */
  closeDoor(run: RunId, graceMs?: number): Promise<{ lastSeq: number }>;
  listDoors(): Promise<DoorState[]>;
  /** When the model API's limit is lifted, which is reached now. Epoch milliseconds. */
  findLimit(): Promise<number | undefined>;
  /** Rows after `afterSeq`, as they come; goes on over a gateway restart; ends when the door is closed and all rows were given.
   *  Throws the signal's reason when aborted, Fault "gateway.no-record" if the gateway knows nothing of the run. */
  record(run: RunId, afterSeq: number, signal: AbortSignal): AsyncGenerator<EvidenceRow>;
  /** Tells that the App has stored all rows up to `seq`; a closed door's record is then forgotten. False: there are more. */
  acknowledge(run: RunId, seq: number): Promise<boolean>;
  health(): Promise<DaemonHealth | undefined>;
  stop(): Promise<void>;
}

export function connectGateway(controlSocket: string): Gateway {
  const call = async (method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: unknown): Promise<unknown> => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    // A look must not keep whoever looks; an order may take its time.
    const idleMs = method === "GET" ? 10_000 : 120_000;
    return demandOk(await callControl({ socketPath: controlSocket, method, path, ...sent, idleMs }));
  };
  return {
    openDoor: async ({ run, ...wish }) => (await call("PUT", `/doors/${run}`, wish)) as OpenedDoor,
    tellPackages: async (run, known) => void (await call("PUT", `/doors/${run}/packages`, known)),
    closeDoor: async (run, graceMs = 0) => (await call("DELETE", `/doors/${run}?graceMs=${graceMs}`)) as { lastSeq: number },
    tellReader: async (run, reader) => void (await call("PUT", `/doors/${run}/reader`, reader)),
    noteNetwork: async (run, note) => void (note.totals.length > 0 && (await call("POST", `/doors/${run}/network`, note))),
    listDoors: async () => ((await call("GET", "/doors")) as { doors: DoorState[] }).doors,
    findLimit: async () => ((await call("GET", "/limit")) as { untilMs: number | null }).untilMs ?? undefined,
    record: (run, afterSeq, signal) => followRecord({ controlSocket, run, afterSeq, signal }),
    acknowledge: async (run, seq) =>
      ((await call("POST", `/doors/${run}/acknowledge?seq=${seq}`)) as { forgotten: boolean }).forgotten,
    health: () => findHealth(controlSocket),
    stop: async () => void (await call("POST", "/stop")),
  };
}

async function* followRecord(from: {
  controlSocket: string;
  run: RunId;
  afterSeq: number;
  signal: AbortSignal;
}): AsyncGenerator<EvidenceRow> {
  const { controlSocket, run, signal } = from;
  let seen = from.afterSeq;
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    try {
      const path = `/doors/${run}/record?after=${seen}`;
      const response = await openControl({ socketPath: controlSocket, method: "GET", path, signal, idleMs: 0 });
      if (response.statusCode !== 200) {
        response.resume();
        throw new Fault("gateway.no-record", `The gateway has no record of ${run}`, { remedy: "Open the run's door first" });
      }
      for await (const line of readLines(response)) {
        failures = 0;
        const row = JSON.parse(line) as EvidenceRow | { end: true };
        if ("end" in row) return;
        seen = row.seq;
        yield row;
      }
    } catch (error) {
      if (error instanceof Fault && error.code === "gateway.no-record") throw error;
      // It may be starting again; the App starts it where it does not. Its rows are on disk.
      failures += 1;
    }
    await wait(Math.min(2_000, 50 * 2 ** failures), undefined, { signal });
  }
}

function demandOk(answer: ControlAnswer): unknown {
  const told = JSON.parse(answer.body.toString("utf8")) as { code?: string; message?: string };
  if (answer.status >= 200 && answer.status < 300) return told;
  throw new Fault(
    told.code === "control.failed" ? "gateway.failed" : (told.code ?? "gateway.failed"),
    `gateway: ${told.message ?? answer.status}`,
    {
      remedy: "Read the gateway's log",
    },
  );
}
