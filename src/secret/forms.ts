/** Shorter values would be found everywhere in ordinary text. */
export const shortestSecret = 8;
const shortestLine = 24;

/** A secret as it may turn up in text: itself, in JSON, in a URL, in base64 and hex, backwards, and a key's lines one by one. */
export function formsOf(value: string): string[] {
  const forms = new Set<string>();
  const wholes = new Set([value, value.trim(), value.replaceAll("\r\n", "\n"), value.replaceAll("\n", "")]);
  for (const whole of wholes) {
    const bytes = Buffer.from(whole, "utf8");
    const json = JSON.stringify(whole).slice(1, -1);
    const url = encodeURIComponent(whole.toWellFormed());
    const hex = bytes.toString("hex");
    for (const form of [whole, json, JSON.stringify(json).slice(1, -1), url, url.replace(/%../g, (code) => code.toLowerCase())])
      forms.add(form);
    for (const form of [hex, hex.toUpperCase(), [...whole].reverse().join("")]) forms.add(form);
    for (const form of base64Forms(bytes)) forms.add(form);
  }
  if (value.includes("\n"))
    for (const line of value.split(/\r?\n/)) if (line.length >= shortestLine && !line.startsWith("-----")) forms.add(line);
  return [...forms].filter((form) => form.length >= shortestSecret);
}

// Inside a longer base64 text a value stands at one of three alignments; only the characters that depend on nothing else are compared.
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const from = shift === 0 ? 0 : shift + 1;
    const whole = (bytes.length + shift) % 3 === 0;
    const core = text.slice(from, whole ? undefined : -1);
    return [core, core.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
