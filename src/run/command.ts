import type { Sha } from "./identity.ts";
import type { Reason } from "./outcome.ts";

/** What somebody wants of a run: from a comment, a label, a button, the CLI or a page, all alike. */
export type Command =
  | { kind: "stop"; by: string; how: "comment" | "label" | "cli" | "page" | "closed" }
  /** Something was done on GitHub that leaves nothing to work on. */
  | { kind: "stop"; by: string; how: "github"; reason: Reason }
  /** `sha`: the rebuilt commit that the person was shown. Only that one is meant. */
  | { kind: "publish" | "discard"; by: string; how: "comment" | "button" | "cli"; sha: Sha };

/** The first stop wins: later ones change neither the outcome nor who is named. */
export function findStop(commands: readonly Command[]): Extract<Command, { kind: "stop" }> | undefined {
  return commands.find((command) => command.kind === "stop");
}

/** The first word on exactly this commit. A word on another one was about something else, and decides nothing. */
export function findWord(commands: readonly Command[], sha: Sha): Word | undefined {
  const found = commands.find((command) => command.kind !== "stop" && command.sha === sha);
  return found && found.kind !== "stop" ? { kind: found.kind, by: found.by } : undefined;
}

/** A person's decision on a held run. */
export interface Word {
  kind: "publish" | "discard";
  by: string;
}
