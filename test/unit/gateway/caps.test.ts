import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createBudget } from "../../../src/gateway/model/budget.ts";
import { openCaps, type Payment } from "../../../src/gateway/model/caps.ts";
import { openLedger } from "../../../src/gateway/model/ledger.ts";
import { openReceipts } from "../../../src/gateway/model/receipts.ts";
import { listenOnSocket } from "../../../src/privilege/control-server.ts";
import type { RunId } from "../../../src/run/identity.ts";
import { until } from "../../helpers/until.ts";

const run = "aaaaaaaaaaaaaaaa" as RunId;
const never = new AbortController().signal;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-caps-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("what a gateway owes the App an account of", () => {
  const path = () => join(folder, "receipts");

  it("is told by the next one: nothing for what was not granted, all for what nobody counted, and the cost where it is known", () => {
    const first = openReceipts(path());
    for (const id of ["asked", "granted", "settled", "told"]) first.ask(id, run);
    for (const id of ["granted", "settled", "told"]) first.grant(id, 50);
    for (const id of ["settled", "told"]) first.settle(id, 7);
    first.settle("settled", 9);
    first.drop("told");
    // Killed while it wrote: what that would have allowed was not done.
    appendFileSync(path(), '{"id":"asked","run":"aaaaaaaaaaaaaaaa","at":"granted","micro');
    const owed = () =>
      openReceipts(path())
        .owed()
        .map(({ id, microUsd }) => [id, microUsd]);
    expect(owed()).toEqual([
      ["asked", 0],
      ["granted", 50],
      ["settled", 7],
    ]);
    const second = openReceipts(path());
    for (const { id } of second.owed()) second.drop(id);
    expect(owed()).toEqual([]);
  });

  it("does not grow with what is done with, and grants nothing that was not asked", () => {
    const receipts = openReceipts(path());
    receipts.ask("kept", run);
    for (let n = 0; n < 1_200; n++) {
      receipts.ask(`${n}`, run);
      receipts.drop(`${n}`);
    }
    expect(readFileSync(path(), "utf8").split("\n").length).toBeLessThan(1_100);
    expect(() => receipts.grant("0", 1)).toThrow();
    receipts.grant("kept", 1);
    expect(openReceipts(path()).owed()).toMatchObject([{ id: "kept", microUsd: 1 }]);
  });
});

describe("an App that gives no answer", () => {
  /** Where the App would listen, another program that answers as a broken one does. Keeps what it was told. */
  async function brokenApp(reserve: RequestListener) {
    const settled: { microUsd: number }[] = [];
    const server = createServer((request, response) => {
      if (request.url === "/reserve") return void reserve(request, response);
      request.on("data", (chunk: Buffer) => settled.push(JSON.parse(chunk.toString("utf8"))));
      request.on("end", () => response.end("{}"));
    });
    const socketPath = join(folder, "caps.sock");
    await listenOnSocket(server, socketPath, 0o600);
    const receipts = openReceipts(join(folder, "receipts"));
    const caps = openCaps({ socketPath, receipts, patienceMs: 20, askMs: 100 });
    return {
      ...{ caps, settled, receipts },
      async [Symbol.asyncDispose]() {
        await caps.close();
        server.close();
        server.closeAllConnections();
      },
    };
  }

  it.each<[string, RequestListener]>([
    ["is silent", () => {}],
    ["hangs up", (request) => void request.socket.destroy()],
    ["answers with an error", (_, response) => void response.writeHead(500).end('{"is":"granted","size":0}')],
    ["says what is no JSON", (_, response) => void response.end("granted")],
    ["says what is no word of the App's", (_, response) => void response.end('{"is":"fine"}')],
    ["grants what was not asked for", (_, response) => void response.end('{"is":"granted","size":1}')],
    ["goes on for ever", (_, response) => void response.end("x".repeat(100_000))],
  ])("but %s lets no call pass, and what it may have reserved is given back", async (_, reserve) => {
    await using app = await brokenApp(reserve);
    expect(await app.caps.pay({ run, sizes: [5], gone: never })).toEqual({ is: "away" });
    await until("it to be given back", async () => app.receipts.owed().length === 0 && app.settled.length > 0);
    expect(app.settled.every(({ microUsd }) => microUsd === 0)).toBe(true);
  });

  it("is not waited for by a call whose agent has left", async () => {
    const receipts = openReceipts(join(folder, "receipts"));
    const caps = openCaps({ socketPath: join(folder, "none.sock"), receipts, patienceMs: 60_000 });
    expect(await caps.pay({ run, sizes: [5], gone: AbortSignal.abort() })).toEqual({ is: "away" });
    // Nobody was there, so nothing can have been reserved.
    expect(receipts.owed()).toEqual([]);
    await caps.close();
  });
});

describe("a run's purse under caps", () => {
  const body = { model: "claude-sonnet-5", max_tokens: 64_000, messages: [{ role: "user", content: "hi" }] };
  const budgetWith = (payment: Payment, asked: number[][] = []) => {
    const ledger = openLedger(folder, run);
    const pay = async (sizes: readonly number[]) => {
      asked.push([...sizes]);
      return payment;
    };
    return { ledger, budget: createBudget({ ledger, limit: { tokens: 200_000 }, pay }) };
  };

  it.each<[Payment, object]>([
    [{ is: "away" }, { unreserved: "away" }],
    [{ is: "busy" }, { unreserved: "busy" }],
    [{ is: "over", cap: { scope: "actor", per: "day", untilMs: 1 } }, { overCap: { scope: "actor", per: "day", untilMs: 1 } }],
  ])("keeps its own money where the answer is %j", async (payment, decision) => {
    const { ledger, budget } = budgetWith(payment);
    expect(await budget.ask(body, never)).toEqual(decision);
    expect([ledger.open().tokens, ledger.spent().tokens]).toEqual([0, 0]);
  });

  it("asks for shorter answers too, the dearest first, is charged for the one that it was granted, and settles both", async () => {
    const settled: number[] = [];
    const asked: number[][] = [];
    const { ledger, budget } = budgetWith({ is: "granted", size: 1, settle: (microUsd) => void settled.push(microUsd) }, asked);
    const decision = await budget.ask(body, never);
    if (!("permit" in decision)) throw new Error(JSON.stringify(decision));
    expect(asked).toEqual([[...(asked[0] ?? [])].sort((a, b) => b - a)]);
    expect([asked[0]?.length, decision.permit.body.max_tokens, decision.permit.rule]).toEqual([3, 16_000, "model.budget-low"]);
    decision.permit.settle({ sent: true, whole: false });
    expect(settled).toEqual([asked[0]?.[1]]);
    expect(ledger.open().tokens).toBe(0);
    expect(ledger.spent().microUsd).toBe(asked[0]?.[1]);
  });

  it("does not ask where its own money does not suffice", async () => {
    const asked: number[][] = [];
    const ledger = openLedger(folder, run);
    const pay = async (sizes: readonly number[]): Promise<Payment> => {
      asked.push([...sizes]);
      return { is: "busy" };
    };
    const budget = createBudget({ ledger, limit: { tokens: 1 }, pay });
    expect(await budget.ask(body, never)).toHaveProperty("over");
    expect(asked).toEqual([]);
  });
});
