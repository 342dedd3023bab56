import { chownSync } from "node:fs";
import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { z } from "zod";
import { answerJson, readBody, serveControl } from "../privilege/control-server.ts";
import type { Cap } from "../run/cap.ts";
import { parseRunId, type RunId } from "../run/identity.ts";
import { reserveMoney, settleMoney } from "../store/queries/budgets.ts";
import type { Schema } from "../store/schema.ts";

export interface CapsParts {
  db: Kysely<Schema>;
  caps: readonly Cap[];
  /** Its folder can be entered by the gateway, which has no other way to the App. Made 0600 and the gateway's own. */
  socketPath: string;
  owner: { uid: number; gid: number } | undefined;
  /** Called for a run that a cap has refused a call. */
  wake(run: RunId): void;
  log: Logger;
  nowMs(): number;
}

/**
 * Answers the gateway, before each call of a run under caps, whether it may be paid for, and is told what it did cost. Whose money it is
 * comes from the store: the gateway says only which run. Also where nothing is capped, since what was called under earlier settings is
 * still to be settled.
 */
export async function serveCaps(parts: CapsParts): Promise<AsyncDisposable> {
  const { db, caps, nowMs } = parts;
  const inWork = new Set<Promise<unknown>>();
  const verbs: Readonly<Record<string, (body: unknown) => Promise<object | undefined>>> = {
    "/reserve": async (body) => {
      const wish = reserveForm.safeParse(body);
      if (!wish.success) return undefined;
      const verdict = await reserveMoney(db, { ...wish.data, caps, nowMs: nowMs() });
      if (verdict.is === "over") parts.wake(wish.data.run);
      return verdict;
    },
    "/settle": async (body) => {
      const wish = settleForm.safeParse(body);
      if (!wish.success) return undefined;
      await settleMoney(db, { ...wish.data, nowMs: nowMs() });
      return {};
    },
  };
  const server = await serveControl(parts.socketPath, async (request, response, url) => {
    const verb = request.method === "POST" ? verbs[url.pathname] : undefined;
    if (!verb) return false;
    const body = await readBody(request, 65_536);
    const work = verb(body && JSON.parse(body.toString("utf8")));
    inWork.add(work);
    try {
      const answer = await work;
      if (answer) answerJson(response, 200, answer);
      else answerJson(response, 400, { code: "caps.question", message: "that is no question" });
    } catch (error) {
      // To the gateway it is no word, and its call waits or is refused.
      parts.log.warn({ err: error, verb: url.pathname }, "money not counted");
      throw error;
    } finally {
      inWork.delete(work);
    }
    return true;
  });
  if (parts.owner) chownSync(parts.socketPath, parts.owner.uid, parts.owner.gid);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      // What is counted is answered. The gateway takes a question without an answer for one that was not heard.
      await Promise.allSettled(inWork);
      setImmediate(() => server.closeAllConnections());
      await closed;
    },
  };
}

const id = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const run = z.custom<RunId>((text) => parseRunId(text) !== undefined);
const microUsd = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const reserveForm = z.strictObject({ id, run, sizes: z.array(microUsd).min(1).max(8), late: z.boolean() });
const settleForm = z.strictObject({ id, run, microUsd });
