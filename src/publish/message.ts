/**
 * The agent's commit message, made ours: no directive in it works any more. Closing words would close other issues at the merge,
 * mentions would call people, `[skip ci]` would keep checks from running, trailers would credit people who had no part.
 */
export function cleanMessage(raw: string, fallback: string): { subject: string; body: string } {
  const lines = raw
    .replaceAll(/[^\P{C}\n\t]/gu, "")
    .replaceAll("\t", " ")
    .split("\n")
    .map((line) => line.trimEnd())
    .filter(
      (line) =>
        !/^[A-Za-z][A-Za-z-]*-(by|for|to|run|id|checks):/i.test(line) &&
        !/^(closes|fixes|resolves|skip-checks|on-behalf-of)\s*:/i.test(line),
    )
    .map(disarm);
  const first = lines.findIndex((line) => line.trim() !== "");
  const subject = (first < 0 ? fallback : (lines[first] ?? fallback)).trim().slice(0, 120);
  const body = lines
    .slice(first + 1)
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim()
    .slice(0, 4_000);
  return { subject: subject === "" ? fallback : subject, body: first < 0 ? "" : body };
}

/** Takes the effect out of what GitHub would act upon, and leaves the words readable. */
function disarm(line: string): string {
  return line
    .replaceAll(/https?:\/\//gi, "")
    .replaceAll(/\[(skip ci|ci skip|no ci|skip actions|actions skip)\]/gi, "($1)")
    .replaceAll(/\bGH-(\d)/gi, "GH $1")
    .replaceAll(/#(\d)/g, "no. $1")
    .replaceAll(/@(?=[A-Za-z0-9])/g, "@ ");
}

/** The whole message with our own trailers. `coAuthor`: the person who asked. */
export function printMessage(input: {
  subject: string;
  body: string;
  run: string;
  coAuthor: { login: string; id: number; host: string };
}): string {
  const { login, id, host } = input.coAuthor;
  const trailers = `Co-authored-by: ${login} <${id}+${login}@users.noreply.${host}>\nAirlock-Run: ${input.run}`;
  return [input.subject, input.body, trailers].filter((part) => part !== "").join("\n\n") + "\n";
}
