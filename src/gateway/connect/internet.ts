import { lookup } from "node:dns/promises";
import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";

/** What tunnels need of the world outside. */
export interface Internet {
  /** All addresses of a name. Throws where there is none. */
  resolve(host: string): Promise<readonly string[]>;
  /** This machine's own addresses. */
  own(): readonly string[];
  /** Connects to this very address; nothing is looked up any more. */
  dial(address: string, port: number): Socket;
}

export const internet: Internet = {
  resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  own: () => Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address)),
  dial: (address, port) => connect({ host: address, port, allowHalfOpen: true, noDelay: true }),
};
