/** What somebody wants of a run: from a comment, a label, the CLI or a page, all alike. */
export type Command = { kind: "stop"; by: string; how: "comment" | "label" | "cli" | "page" | "closed" };

/** The first stop wins: later ones change neither the outcome nor who is named. */
export function findStop(commands: readonly Command[]): Command | undefined {
  return commands.find((command) => command.kind === "stop");
}
