import { lookup } from "node:dns/promises";
import { Fault } from "../fault.ts";
import { type FirewallPlan, planFirewall } from "./firewall.ts";

/** What firewalled sandboxes may reach, and how they get there. */
export interface Reach {
  /** GitHub as it is called from inside: "https://github.com". */
  githubUrl: string;
  /** Asked anew each time. Throws Fault "engine.firewall" where nothing is left that may be reached. */
  plan(): Promise<FirewallPlan>;
  connect?: ((pid: number) => Promise<void>) | undefined;
}

/** Instead of the world: names with their addresses and GitHub's ranges as they are there, and a way to it. */
export interface OtherWorld {
  githubUrl: string;
  names: Readonly<Record<string, readonly string[]>>;
  meta: unknown;
  join(pid: number): Promise<void>;
}

export interface ReachWish {
  /** "https://github.com", and "https://api.github.com" or "https://HOST/api/v3". */
  webUrl: string;
  apiUrl: string;
  /** The body of GitHub's `GET /meta`. */
  readMeta(): Promise<unknown>;
  /** For what could not be used, one line each. */
  tell(notes: readonly string[]): void;
  world?: OtherWorld | undefined;
}

/** GitHub and nothing else. The model is reached through the gateway, so that nobody else's key for it is of any use in a sandbox. */
export function createReach({ webUrl, apiUrl, readMeta, tell, world }: ReachWish): Reach {
  const githubUrl = world?.githubUrl ?? webUrl;
  const urls = world ? [githubUrl] : [webUrl, apiUrl];
  const names = [...new Set(urls.map((url) => new URL(url).hostname))];
  return {
    githubUrl,
    async plan() {
      const found = await Promise.all(
        names.map(async (name) => [name, world?.names[name] ?? (await findAddresses(name))] as const),
      );
      const plan = planFirewall({
        meta: world ? world.meta : await readMeta().catch(() => undefined),
        addresses: Object.fromEntries(found),
        ports: urls.map(portOf),
        privateToo: new URL(webUrl).hostname !== "github.com",
      });
      if (plan.notes.length > 0) tell(plan.notes);
      if (Object.keys(plan.names).length > 0) return plan;
      throw new Fault("engine.firewall", `Nothing that a firewalled sandbox may reach can be found: ${plan.notes.join("; ")}`, {
        remedy: `See that this machine resolves ${names.join(" and ")}`,
      });
    },
    ...(world && { connect: (pid: number) => world.join(pid) }),
  };
}

/** A name that is dead, or answers late, has no address: the others go on. */
async function findAddresses(name: string): Promise<string[]> {
  const late = new Promise<never[]>((resolve) => setTimeout(() => resolve([]), 5_000).unref());
  const found = lookup(name, { all: true, family: 4 }).then((all) => all.map(({ address }) => address));
  return Promise.race([found.catch(() => []), late]);
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  // As written: URL drops a port that is its protocol's own.
  return Number(/:(\d+)(?:\/|$)/.exec(url)?.[1] ?? (port || (protocol === "http:" ? 80 : 443)));
}
