import { createPublicKey, verify } from "node:crypto";
import type { Actor } from "./call.ts";
import { GitHubError } from "./github-error.ts";
import type { App, World } from "./state.ts";
import { findToken } from "./tokens.ts";

/** Who speaks. REST takes `token X` and `Bearer X`. Throws 401 as GitHub does for whatever it can't verify. */
export function authenticate(world: World, authorization: string | undefined): Actor {
  if (authorization === undefined || authorization === "") return { kind: "anonymous" };
  const [scheme = "", credential = ""] = authorization.split(/\s+/, 2);
  if (scheme.toLowerCase() === "basic") return actorOfBasic(world, credential);
  if (!["bearer", "token"].includes(scheme.toLowerCase())) throw badCredentials();
  if (credential.split(".").length === 3) return { kind: "app", app: verifyAppJwt(world, credential) };
  return actorOfToken(world, credential);
}

/** Git sends Basic: any user name (x-access-token by custom), the token as the password. */
export function actorOfBasic(world: World, credential: string): Actor {
  const pair = Buffer.from(credential, "base64").toString("utf8");
  const password = pair.slice(pair.indexOf(":") + 1);
  return actorOfToken(world, password);
}

function actorOfToken(world: World, secret: string): Actor {
  const token = findToken(world, secret);
  if (token !== undefined) {
    if (token.installation.suspendedAt !== null) throw new GitHubError(403, "This installation has been suspended");
    return { kind: "installation", app: token.installation.app, token, account: token.installation.app.bot };
  }
  const account = secret === "" ? undefined : world.accounts.find((candidate) => candidate.token === secret);
  if (account === undefined) throw badCredentials();
  return { kind: "user", account };
}

/** RS256, issued by a known App (its id or its client id), not expired, and good for ten minutes at most. Sentences are GitHub's. */
function verifyAppJwt(world: World, jwt: string): App {
  const [head = "", claims = "", signature = ""] = jwt.split(".");
  const header = parsePart(head);
  const payload = parsePart(claims);
  if (header?.alg !== "RS256" || payload === undefined) throw undecodable();
  const issuer = String(payload.iss);
  const app = world.apps.find(({ id, clientId }) => String(id) === issuer || clientId === issuer);
  if (app === undefined) throw new GitHubError(404, "Integration not found");
  const isSignedWith = (key: string) =>
    verify("RSA-SHA256", Buffer.from(`${head}.${claims}`), createPublicKey(key), Buffer.from(signature, "base64url"));
  if (![app.privateKey, ...app.otherKeys].some(isSignedWith)) throw undecodable();
  const nowS = world.nowMs() / 1000;
  if (typeof payload.exp !== "number" || typeof payload.iat !== "number")
    throw new GitHubError(401, "Missing 'issued at' claim ('iat') in assertion");
  if (payload.exp <= nowS)
    throw new GitHubError(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  if (payload.exp > nowS + 600 + 5) throw new GitHubError(401, "'Expiration time' claim ('exp') is too far in the future");
  if (payload.iat > nowS + 5)
    throw new GitHubError(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  return app;
}

function parsePart(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function badCredentials(): GitHubError {
  return new GitHubError(401, "Bad credentials");
}

function undecodable(): GitHubError {
  return new GitHubError(401, "A JSON web token could not be decoded");
}
