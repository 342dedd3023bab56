import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../fault.ts";

/** What a call counts as: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api */
export interface Cost {
  points: number;
  /** It makes something that people are shown. */
  content: boolean;
}

/** So much within any span of that length. */
export interface Window {
  of: "content" | "points";
  most: number;
  withinMs: number;
}

interface Spent extends Cost {
  atMs: number;
}

/**
 * GitHub's secondary limits are 80 creations a minute, 500 an hour and 900 points a minute. A tenth is left, for clocks, for what is under way
 * and for the gateway's reads.
 */
const usual: readonly Window[] = [
  { of: "content", most: 72, withinMs: 60_000 },
  { of: "content", most: 450, withinMs: 3_600_000 },
  { of: "points", most: 810, withinMs: 60_000 },
];

/** ◆ An Enterprise Server has no such limits, unless its administrators set some: those are met, and waited for. */
export function windowsOf(webHost: string): readonly Window[] {
  return webHost === "github.com" || webHost.endsWith(".ghe.com") ? usual : [];
}

/** ◆ `path`: below the API's address. Tokens are minted and revoked by POST and DELETE, and nobody is shown them. */
export function costOf(method: string, path: string): Cost {
  if (method === "GET" || method === "HEAD") return { points: 1, content: false };
  return { points: 5, content: path.startsWith("/repos/") && (method === "POST" || method === "PUT") };
}

/** ◆ How long a call must wait so that no window holds more than it may, in milliseconds. `past`: oldest first. */
export function decideTurn(past: readonly Spent[], cost: Cost, of: { nowMs: number; windows: readonly Window[] }): number {
  const { nowMs, windows } = of;
  let waitMs = 0;
  for (const window of windows) {
    const weigh = (call: Cost) => (window.of === "points" ? call.points : call.content ? 1 : 0);
    if (weigh(cost) === 0) continue;
    let room = window.most - weigh(cost);
    // From the newest back: the first that does not fit any more must have left the window.
    for (let at = past.length - 1; at >= 0; at--) {
      const call = past[at];
      if (!call || call.atMs <= nowMs - window.withinMs) break;
      room -= weigh(call);
      if (room >= 0) continue;
      waitMs = Math.max(waitMs, call.atMs + window.withinMs - nowMs);
      break;
    }
  }
  return waitMs;
}

/** ◆ Each one's part, of several that ask beside each other. */
export function shareWindows(windows: readonly Window[], processes: number): readonly Window[] {
  return windows.map((window) => ({ ...window, most: Math.max(1, Math.floor(window.most / Math.max(1, processes))) }));
}

/** All calls of a process for its App pass through one: GitHub counts them together, whichever run they are for. */
export interface Throttle {
  /** Resolves when it is this call's turn. Throws Fault "github.paced" where that is not soon: whoever is behind it tries again later. */
  pass(method: string, path: string): Promise<void>;
  /** 0: it is this call's turn, and it counts as made. Else how long it must wait, in milliseconds. */
  admit(method: string, path: string): number;
  /** GitHub asked for less: nothing is asked of it until then. */
  pause(forMs: number): void;
  /** 0 where it did not. Epoch milliseconds. */
  pausedUntilMs(): number;
  /** So many processes ask in this App's name: each takes its part of what GitHub counts together. */
  share(processes: number): void;
  /** Whether there is room for one more update of some run's progress. What is not told now is told with what comes after it. */
  mayTell(): boolean;
  /** One such update is made. */
  tell(): void;
}

/** Put off, so that GitHub is not asked for more than it allows. */
export class Paced extends Fault {
  readonly waitMs: number;

  constructor(waitMs: number) {
    super("github.paced", "So much was asked of GitHub lately that this must wait", { remedy: "It is tried again by itself" });
    this.waitMs = waitMs;
  }
}

/** Longer waits are not a step's to wait for, which holds a run's lease. */
const longestWaitMs = 15_000;
/** Progress of all runs together: some at once, then one every so often. Less than half of what GitHub allows. */
const progressAtOnce = 20;
const progressEveryMs = 1_500;

export function createThrottle(parts: { nowMs?: () => number; windows?: readonly Window[] } = {}): Throttle {
  const { nowMs = Date.now, windows = usual } = parts;
  let own = windows;
  let processes = 1;
  const longestMs = (of: Window["of"]) =>
    Math.max(0, ...windows.filter((each) => each.of === of).map(({ withinMs }) => withinMs));
  const [keptMs, keptContentMs] = [longestMs("points"), Math.max(longestMs("points"), longestMs("content"))];
  let past: Spent[] = [];
  let pausedUntilMs = 0;
  let told = { room: progressAtOnce, atMs: nowMs() };
  const roomToTell = () => {
    const now = nowMs();
    // A clock that was set back gives no room, and takes none.
    const grown = Math.max(0, now - told.atMs) / (progressEveryMs * processes);
    told = { room: Math.min(progressAtOnce, told.room + grown), atMs: now };
    return told.room;
  };
  const admit = (method: string, path: string): number => {
    const cost = costOf(method, path);
    const now = nowMs();
    // What a clock that was set back says was later than now is forgotten: nobody knows how long ago it was.
    past = past.filter(({ atMs, content }) => atMs > now - (content ? keptContentMs : keptMs) && atMs <= now);
    const waitMs = Math.max(0, pausedUntilMs - now, decideTurn(past, cost, { nowMs: now, windows: own }));
    if (waitMs === 0) past.push({ ...cost, atMs: now });
    return waitMs;
  };
  return {
    admit,
    async pass(method, path) {
      const giveUpAtMs = nowMs() + longestWaitMs;
      for (let waitMs = admit(method, path); waitMs > 0; waitMs = admit(method, path)) {
        if (nowMs() + waitMs > giveUpAtMs) throw new Paced(waitMs);
        await wait(Math.max(waitMs, 10));
      }
    },
    pause(forMs) {
      pausedUntilMs = Math.max(pausedUntilMs, nowMs() + forMs);
    },
    pausedUntilMs: () => (pausedUntilMs > nowMs() ? pausedUntilMs : 0),
    share(by) {
      processes = Math.max(1, by);
      own = shareWindows(windows, processes);
    },
    mayTell: () => roomToTell() >= 1,
    tell() {
      told = { ...told, room: roomToTell() - 1 };
    },
  };
}
