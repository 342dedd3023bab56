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
        !/^\s*[a-z][a-z-]*-(by|for|to|run|id|checks)\s*:/i.test(line) &&
        !/^\s*(closes|fixes|resolves|on-behalf-of|release-as)\s*:/i.test(line),
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

/**
 * Takes the effect out of what GitHub and other CI would act upon, and leaves the words readable. Each puts something in: what is only
 * taken out may join its two sides to what was to be taken out.
 */
function disarm(line: string): string {
  return line
    .replaceAll("://", ": //")
    .replaceAll(/\[((?:skip|no)[ _-][\w-]{1,30}|[\w-]{1,30}[ _-]skip)\]/gi, "($1)")
    .replaceAll(/\*{3}NO_CI\*{3}/gi, "* NO CI *")
    .replaceAll(/(GH)-(?=\d)/gi, "$1 ")
    .replaceAll(/(\w?)#(?=\d)/g, (_, before: string) => (before === "" ? "no. " : `${before} no. `))
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
