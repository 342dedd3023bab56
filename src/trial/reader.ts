import type { Logger } from "pino";
import type { Gateway } from "../gateway/client.ts";
import type { Grant, GrantScope, Grants } from "../github/grant.ts";
import type { RunId } from "../run/identity.ts";

export interface TrialReaderParts {
  grants: Grants;
  gateway: Gateway;
  log: Logger;
}

/** A token that belongs to no run is taken for forgotten after ten minutes, and revoked by the sweep. */
const freshMs = 8 * 60_000;

/**
 * Lends the gateway a token that reads the trial's repository, as a run's gateway has one, and another each few minutes until disposed of:
 * then the last is revoked. Where GitHub gives none the command runs without the API, as a run would.
 */
export async function lendTrialReader(
  parts: TrialReaderParts,
  of: { run: RunId; owner: string; name: string; scope: GrantScope },
): Promise<AsyncDisposable> {
  let held: Grant | undefined;
  const renew = async () => {
    const last = held;
    try {
      held = await parts.grants.mint("reader", of.scope);
      await parts.gateway.tellReader(of.run, { owner: of.owner, name: of.name, token: held.token });
    } catch (error) {
      parts.log.warn({ err: error, runId: of.run }, "the sandbox cannot read GitHub's API");
    }
    if (last !== held) await letGo(last);
  };
  const letGo = async (grant: Grant | undefined) => {
    // What cannot be revoked now is in the ledger, and met by the sweep.
    try {
      await grant?.[Symbol.asyncDispose]();
    } catch (error) {
      parts.log.warn({ err: error, runId: of.run }, "token not revoked yet");
    }
  };
  let renewing = renew();
  await renewing;
  const timer = setInterval(() => {
    renewing = renewing.then(renew);
  }, freshMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await renewing;
      await letGo(held);
    },
  };
}
