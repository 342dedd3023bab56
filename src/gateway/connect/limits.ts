/** What one run's tunnels may take. */
export const tunnelLimits = {
  /** At once; those that are being opened count. */
  tunnels: 16,
  /** Of the whole run, in both directions, TLS's own bytes included. */
  sentBytes: 64 * 1024 * 1024,
  gotBytes: 2 * 1024 * 1024 * 1024,
  /** For a name to be resolved and one of its addresses to answer; and for that to answer the ClientHello. */
  dialMs: 15_000,
  /** For the whole ClientHello, from the 200 on; for a second one, from when it is asked for. */
  helloMs: 10_000,
  /** Without a byte in either direction. */
  idleMs: 5 * 60_000,
  wholeMs: 60 * 60_000,
};

export type TunnelLimits = typeof tunnelLimits;
