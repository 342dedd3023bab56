import type { Sha } from "../run/identity.ts";
import { parseSha } from "../run/identity.ts";

/** What the entrypoint is told, once, when the sandbox has been verified. It touches nothing of the repository before. */
export type Launch = {
  /** The branch of the run's repository that is checked out. */
  branch: string;
  /** Go on with home and working tree as they are on the volume, and with the agent's session. */
  resume: boolean;
  /** How long the agent may take after SIGTERM before it is killed and its work committed. Keep it well under the engine's grace. */
  stopSeconds?: number;
} & (
  | { mode: "agent"; model: string /** A UUID. */; sessionId: string }
  /** Runs a program in the agent's place and environment; stdin is empty. */
  | { mode: "command"; argv: readonly [string, ...string[]] }
  /** A shell with a terminal of this size on the sandbox's own input and output: for whoever attaches to it. */
  | { mode: "shell"; argv: readonly [rows: string, columns: string] }
);

/** The line that starts the work, newline included. Pure. */
export function printLaunch(launch: Launch): string {
  return `${JSON.stringify({ airlock: "launch", ...launch })}\n`;
}

/** After it the agent gets no more messages, finishes what it has, and ends. */
export const endOfInput = `${JSON.stringify({ airlock: "end-of-input" })}\n`;

/** What the entrypoint says. Courtesy, not proof: once launched, the agent can print the same. */
export type EntrypointEvent =
  | { airlock: "probe" }
  | { airlock: "cloned"; head: Sha; fresh: boolean }
  | { airlock: "finished"; claudeExit: number; pushed: boolean; head: Sha | undefined }
  | { airlock: "failed"; step: string };

/** Undefined for every other line. Pure. */
export function parseEntrypointEvent(line: string): EntrypointEvent | undefined {
  if (!line.startsWith('{"airlock":')) return undefined;
  const said = parseObject(line);
  const head = parseSha(said?.head);
  switch (said?.airlock) {
    case "probe":
      return { airlock: "probe" };
    case "cloned":
      return head && { airlock: "cloned", head, fresh: said.fresh === true };
    case "finished":
      return { airlock: "finished", claudeExit: Number(said.claudeExit), pushed: said.pushed === true, head };
    case "failed":
      return { airlock: "failed", step: String(said.step).slice(0, 40) };
    default:
      return undefined;
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
