import { Secret } from "../secret/secret.ts";
import type { Environment } from "./environment.ts";
import { read, wrong } from "./read.ts";
import type { Settings } from "./shape.ts";

export function readModel(environment: Environment): { model: Settings["model"]; warnings: string[] } {
  const { used, warnings } = readCredential(environment);
  const model = {
    credential: used,
    baseUrl: read(environment, "ANTHROPIC_BASE_URL") ?? "https://api.anthropic.com",
    name: read(environment, "AIRLOCK_MODEL"),
    smallName: read(environment, "AIRLOCK_SMALL_MODEL"),
  };
  return { model, warnings };
}

function readCredential(environment: Environment): { used: Settings["model"]["credential"]; warnings: string[] } {
  const [key, token] = (["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"] as const).map((name) => {
    const found = environment.findSecret(name);
    // It becomes a header: a line end or a space in it was pasted by mistake.
    if (found && !/^[\x21-\x7e]+$/.test(found.text))
      throw wrong(name, "holds a space, a line end or another character that no key has", found.name);
    return found;
  });
  if (key) {
    const warnings = token ? ["CLAUDE_CODE_OAUTH_TOKEN is set too and not used: ANTHROPIC_API_KEY goes first"] : [];
    return { used: { kind: "api-key", value: new Secret(key.text) }, warnings };
  }
  return { used: token && { kind: "oauth-token", value: new Secret(token.text) }, warnings: [] };
}
