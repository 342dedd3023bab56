import { type Call, type Reply, type Routes, text } from "../call.ts";
import { GitHubError, notFound } from "../github-error.ts";
import { renderProfile } from "../render/accounts.ts";

export const accountRoutes: Routes = {
  "users/get-authenticated": { by: "user", answer: getSelf },
  "users/get-by-username": {
    by: "anyone",
    answer: (call) => {
      const found = call.world.accounts.find(({ login }) => login.toLowerCase() === text(call, "username").toLowerCase());
      if (found === undefined) throw notFound();
      return { status: 200, json: renderProfile(call.world, found) };
    },
  },
  "meta/get": { by: "anyone", answer: getMeta },
  "rate-limit/get": { by: "anyone", answer: getRateLimit },
};

function getSelf(call: Call): Reply {
  if (call.actor.kind !== "user") throw new GitHubError(403, "Resource not accessible by integration");
  const own = {
    private_gists: 0,
    total_private_repos: 0,
    owned_private_repos: 0,
    disk_usage: 0,
    collaborators: 0,
    two_factor_authentication: true,
  };
  return { status: 200, json: { ...renderProfile(call.world, call.actor.account), ...own } };
}

/** Loopback is all there is. */
function getMeta(): Reply {
  const here = ["127.0.0.1/32"];
  return { status: 200, json: { verifiable_password_authentication: false, hooks: here, web: here, api: here, git: here } };
}

function getRateLimit(call: Call): Reply {
  const limit = 5000;
  const rate = { limit, used: 0, remaining: limit, reset: Math.floor(call.world.nowMs() / 1000) + 3600 };
  return { status: 200, json: { rate, resources: { core: rate, search: { ...rate, limit: 30, remaining: 30 } } } };
}
