import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect } from "vitest";
import { endRuns, type LocalHouse, type LocalHouseWish, startLocalHouse } from "../../src/cli/local-house.ts";
import type { RunView } from "../../src/pages/view.ts";
import type { RunId } from "../../src/run/identity.ts";
import type { Settings } from "../../src/settings.ts";
import { childEnvironment, readPlaceSettings } from "../../src/settings.ts";
import { ensureMachine, type Machine } from "../../src/setup/machine.ts";
import { factsOf } from "../../src/store/queries/facts.ts";
import { createPeople, type People } from "./people.ts";
import { expectNothingLeft, helpersOf } from "./remains.ts";
import { until } from "./until.ts";

export interface TestHouse extends People {
  local: LocalHouse;
  machine: Machine;
  /** The App's log so far, one JSON object a line. */
  log(): string;
  /** The runs of an issue or pull request, oldest first. */
  runsOf(issue: number): Promise<RunView[]>;
  /** The nth run of an issue or pull request, from 1, once it has ended. */
  ended(issue: number, nth?: number): Promise<RunView>;
  /** The newest run, once its agent's shell has given its sign of life. */
  inShell(issue: number): Promise<RunView>;
  /** What is done within `ms` on a machine with time to spare, on this one as it is now: twice as long as it took to furnish the run's
   *  sandbox, where that is more. */
  timely(run: RunView, ms: number): Promise<number>;
  transcriptOf(run: RunId): Promise<string>;
  page(run: RunView): Promise<{ status: number; text: string }>;
  /** When every delivery that was sent so far has been carried out. */
  heard(): Promise<void>;
  /** Takes the house apart and holds that nothing of it is left. */
  close(): Promise<void>;
}

export interface HouseWish {
  limits?: Partial<Settings["limits"]>;
  publish?: Partial<Settings["publish"]>;
  poll?: Settings["poll"];
  /** How sandboxes meet the network; sealed by default. */
  mode?: "sealed" | "firewalled";
  /** Makes the machine another than the one that is there. */
  change?: (machine: Machine) => Machine;
  /** Another model than the house's own, by the settings that name it. */
  pay?: { ANTHROPIC_API_KEY: string; ANTHROPIC_BASE_URL: string };
  /** A PostgreSQL server; absent, the embedded store. */
  databaseUrl?: string;
  /** Disks of which the test says how full they are; by default nothing is bounded. */
  disks?: LocalHouseWish["disks"];
}

/** The whole App on the real engine, with a local GitHub and a local model, in this process. One for each test file. */
export async function openHouse(wish: HouseWish = {}): Promise<TestHouse> {
  const { limits = {}, publish = {}, poll, change = (machine) => machine, pay, mode = "sealed", databaseUrl, disks } = wish;
  const lines: string[] = [];
  const logTo = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const signal = AbortSignal.timeout(100_000);
  const machine = await ensureMachine({ provision: false, env: childEnvironment(), signal });
  const local = await startLocalHouse({
    ...{ machine: change(machine), env: { LOG_LEVEL: "info", ...pay }, mayPay: pay !== undefined, logTo },
    limits: { concurrency: 3, ...limits },
    ...{ mode, publish, databaseUrl },
    ...(poll && { poll }),
    ...(disks && { disks }),
  });
  const { github } = local;
  const readRuns = () =>
    local.app.db.selectFrom("runs").select(["id", "at", "subject_number"]).orderBy("created_at_ms").execute();
  // Many wait in one house, and who asks the store takes time from the App: they share what one of them saw.
  let seen: { untilMs: number; rows: ReturnType<typeof readRuns> } | undefined;
  const waitFor = async (issue: number) => {
    if (!seen || Date.now() > seen.untilMs) seen = { untilMs: Date.now() + 150, rows: readRuns() };
    return (await seen.rows).filter(({ subject_number }) => subject_number === issue);
  };
  const idsOf = async (issue: number) => (await readRuns()).filter(({ subject_number }) => subject_number === issue);
  const viewOf = async (run: RunId): Promise<RunView> => {
    const view = await local.app.reader.findById(run);
    if (!view) throw new Error(`run ${run} is not in the store`);
    return view;
  };
  const transcriptOf = async (run: RunId) =>
    (await local.app.reader.transcript(run, 0, 10_000)).map(({ kind, text }) => `${kind}: ${text}`).join("\n");

  return {
    ...createPeople(github),
    ...{ local, machine, transcriptOf },
    log: () => lines.join(""),
    runsOf: async (issue) => Promise.all((await idsOf(issue)).map(({ id }) => viewOf(id))),
    async ended(issue, nth = 1) {
      const id = await until(`the end of run ${nth} of #${issue}`, async () => {
        const row = (await waitFor(issue))[nth - 1];
        return row?.at === "ended" ? row.id : undefined;
      });
      return viewOf(id);
    },
    async inShell(issue) {
      const id = await until(`a sign of life of #${issue}`, async () => {
        const row = (await waitFor(issue)).at(-1);
        const sign = row && local.app.db.selectFrom("evidence").select("seq").where("run", "=", row.id);
        return (await sign?.where("target", "=", "/sign-of-life").executeTakeFirst()) && row?.id;
      });
      return viewOf(id);
    },
    async timely(run, ms) {
      const facts = await factsOf(local.app.db, run.id);
      const atMsOf = (is: string) => facts.find(({ fact }) => fact.is === is)?.atMs ?? Number.NaN;
      return Math.max(ms, 2 * (atMsOf("launched") - atMsOf("slot-taken")));
    },
    async page(run) {
      const response = await fetch(`${local.app.url}/runs/${run.pageKey}`);
      return { status: response.status, text: await response.text() };
    },
    async heard() {
      await github.settled();
      if (poll?.only) await local.app.recovery.pass();
      await until("all deliveries to be handled", async () => {
        const waiting = await local.app.db.selectFrom("deliveries").select("id").where("state", "=", "received").execute();
        return waiting.length === 0;
      });
    },
    close: () => closeHouse(local),
  };
}

async function closeHouse(local: LocalHouse): Promise<void> {
  const { runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder: local.dataFolder });
  await endRuns(local);
  const { invalidResponses, tokens } = local.github.state();
  const runFolders = await readdir(join(runtimeFolder, "runs"));
  const living = await helpersOf(local.dataFolder);
  await local[Symbol.asyncDispose]();

  expect(invalidResponses, "answers of the local GitHub that GitHub would not give").toEqual([]);
  expect(tokens.live, "tokens alive").toBe(0);
  expect(runFolders, "run folders").toEqual([]);
  // The control: while they lived they were seen.
  expect(living, "gateway and git hosts").toHaveLength(3);
  await expectNothingLeft(local.dataFolder);
  expect(existsSync(local.dataFolder), local.dataFolder).toBe(false);
}
