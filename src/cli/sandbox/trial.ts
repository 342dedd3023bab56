import { type IncomingMessage, request } from "node:http";
import { Fault } from "../../fault.ts";
import { readLines } from "../../lines.ts";
import { appSocket } from "../../settings/place.ts";
import { operatorEnvironment, readOwnImage, readPlaceSettings, setupEnvironment } from "../../settings.ts";
import { ensureMachine } from "../../setup/machine.ts";
import { type TrialEvent, type TrialWish, trialEvent } from "../../trial/event.ts";
import { plain } from "../plain.ts";

export interface TrialPlace {
  data: string | undefined;
  local: boolean;
}

/** Opens a trial in the App that runs here, or in one with a local GitHub that lives as long as the trial. Ends with it. Throws
 *  Fault "usage.repo" where a repository must be named, and whatever fault the App tells. */
export async function* openTrial(
  { data, local }: TrialPlace,
  wishFor: (of: { local: boolean }) => TrialWish,
  signal: AbortSignal,
): AsyncGenerator<TrialEvent> {
  const socketPath = appSocket(readPlaceSettings({ dataFolder: data }));
  if (!local && (await isThere(socketPath))) {
    yield* follow(socketPath, wishFor({ local: false }), signal);
    return;
  }
  if (data !== undefined && !local)
    throw new Fault("engine.airlock-away", `no Airlock is running for the data folder ${data}`, {
      remedy: "Start it with ./airlock start, or leave --data out to use a local GitHub",
    });
  const machine = await ensureMachine({
    ...{ provision: false, env: setupEnvironment(), signal },
    ownImage: readOwnImage(),
  });
  const { startLocalHouse } = await import("../local-house.ts");
  const env = { LOG_LEVEL: "error", ...operatorEnvironment() };
  await using house = await startLocalHouse({ machine, env, mayPay: false });
  yield* follow(appSocket(readPlaceSettings({ dataFolder: house.dataFolder })), wishFor({ local: true }), signal);
}

/** The repository that was named, or the local GitHub's own. */
export function repositoryOf(named: string | undefined, { local }: { local: boolean }): string {
  if (named !== undefined) return named;
  if (local) return "acme/shop";
  throw new Fault("usage.repo", "An App is running here, and no repository is named", {
    remedy: "Add --repo owner/name, or --local to use a local GitHub",
  });
}

/** A row of the gateway's record, on one line. */
export function printRecorded({ verdict, method, target, times }: Extract<TrialEvent, { is: "record" }>["row"]): string {
  return plain(`gateway: ${verdict} ${[method, target].filter(Boolean).join(" ")}${times === undefined ? "" : ` ×${times}`}`);
}

async function isThere(socketPath: string): Promise<boolean> {
  try {
    const response = await ask({ socketPath, method: "GET", path: "/healthz" });
    response.resume();
    return true;
  } catch {
    return false;
  }
}

async function* follow(socketPath: string, wish: TrialWish, signal: AbortSignal): AsyncGenerator<TrialEvent> {
  const response = await ask({ socketPath, method: "POST", path: "/sandboxes", body: JSON.stringify(wish), signal });
  let over = false;
  try {
    for await (const line of readLines(response)) {
      const parsed = trialEvent.safeParse(parseLine(line));
      if (!parsed.success) throw otherVersion;
      if (parsed.data.is === "fault") throw new Fault(parsed.data.code, parsed.data.message, { remedy: parsed.data.remedy });
      over ||= parsed.data.is === "ended";
      yield parsed.data;
    }
  } catch (error) {
    // What was asked to end breaks off in whatever way the connection does.
    signal.throwIfAborted();
    throw error;
  }
  signal.throwIfAborted();
  if (!over) throw new Fault("sandbox.lost", "Airlock broke off", { remedy: "Its log says why" });
}

const otherVersion = new Fault("sandbox.answer", "The running Airlock gave an answer that this command does not understand", {
  remedy: "It is probably of another version: restart it",
});

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

interface Question {
  socketPath: string;
  method: "GET" | "POST";
  path: string;
  body?: string;
  signal?: AbortSignal;
}

function ask({ socketPath, method, path, body, signal }: Question): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { host: "airlock", ...(body !== undefined && { "content-type": "application/json" }) };
  request({ socketPath, method, path, headers, ...(signal && { signal }) }, resolve)
    .on("error", reject)
    .end(body);
  return promise;
}
