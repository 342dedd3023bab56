import { Command } from "commander";
import type { CommandFrame } from "./commands.ts";

/** `airlock token mint|revoke`: a short-lived token for a person or a script, minted on this machine. */
export function tokenCommand({ terminal, ended }: CommandFrame): Command {
  const token = new Command("token")
    .summary("mint or revoke a short-lived token for one repository")
    .description("Mints with the App's key, for people and scripts. Needs no running App and no engine.");
  token.addCommand(
    new Command("mint")
      .summary("mint a token")
      .description("Prints the token, and nothing else, on stdout. It ends by itself after at most an hour.")
      .requiredOption("--repo <owner/name>", "the one repository that it is for")
      .option(
        "--permission <list>",
        "what it may do: name=read or name=write, separated by commas",
        "contents=write,pull_requests=write",
      )
      .option("--json", 'print {"token":…,"expiresAt":…,"permissions":{…},"repository":…}')
      .action(async (options) => ended(await (await import("./token/mint.ts")).mintToken(options, terminal))),
  );
  token.addCommand(
    new Command("revoke")
      .summary("revoke a token read from stdin")
      .description("Reads the token from stdin and revokes it. One that is dead already is as good as revoked.")
      .option("--json", 'print {"revoked":true}')
      .action(async (options) => ended(await (await import("./token/revoke.ts")).revokeToken(options, terminal))),
  );
  return token;
}
