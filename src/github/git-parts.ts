import type { GitHost } from "../git/client.ts";
import type { UpstreamNetwork } from "../git/upstream.ts";
import type { Accounts } from "../privilege/accounts.ts";
import type { Grants } from "./grant.ts";

/** What it takes to have the git host fetch from GitHub or push to it, with a token that it never sees. */
export interface GitParts {
  git: GitHost;
  grants: Grants;
  accounts: Accounts;
  /** Where transports' sockets are made: enterable for the git hosts' accounts. */
  transportFolder: string;
  /** "https://github.com" */
  webUrl: string;
  network: UpstreamNetwork;
}
