import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAppAuth } from "@octokit/auth-app";
import { execa } from "execa";
import { ProbotOctokit } from "probot";
import { gitEnvironment } from "../../src/local/github/git.ts";
import { type LocalGitHub, type LocalGitHubOptions, startLocalGitHub } from "../../src/local/github/start.ts";

/** What the App's webhook address was sent. */
export interface Received {
  event: string;
  guid: string;
  payload: { action?: string; [key: string]: unknown };
  /** The signature over the raw bytes was right. */
  signed: boolean;
}

export type Octokit = InstanceType<typeof ProbotOctokit>;

export interface GitHubHouse extends AsyncDisposable {
  github: LocalGitHub;
  /** A temporary folder, removed with the house. */
  folder: string;
  received: Received[];
  /** What the webhook address answers; 200 at first. */
  answerWith(status: number): void;
  /** A user or an installation token. */
  as(token: string): Octokit;
  app(): Octokit;
  mint(request?: Record<string, unknown>): Promise<string>;
  git(
    args: string[],
    options?: { cwd?: string; token?: string },
  ): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }>;
  /** The last delivery of this event and action, once all are through. Throws where there is none. */
  heard(event: string, action?: string): Promise<Received["payload"]>;
}

/** A local GitHub with a webhook address that listens, and clients of every kind. */
export async function openGitHubHouse(options: Partial<LocalGitHubOptions> = {}): Promise<GitHubHouse> {
  const folder = await mkdtemp(join(tmpdir(), "airlock-github-"));
  const webhookSecret = "hush";
  const github = await startLocalGitHub({
    folder: join(folder, "repositories"),
    ...options,
    app: { webhookSecret, ...options.app },
  });
  const received: Received[] = [];
  let status = 200;
  const hook = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    received.push({
      event: String(request.headers["x-github-event"]),
      guid: String(request.headers["x-github-delivery"]),
      payload: JSON.parse(body.toString()) as Received["payload"],
      signed:
        request.headers["x-hub-signature-256"] === `sha256=${createHmac("sha256", webhookSecret).update(body).digest("hex")}`,
    });
    response.writeHead(status).end("heard");
  }).listen(0, "127.0.0.1");
  await once(hook, "listening");
  github.setWebhook(`http://127.0.0.1:${(hook.address() as AddressInfo).port}/api/github/webhooks`);

  const quiet = { baseUrl: github.api, throttle: { enabled: false }, retry: { enabled: false }, log: silent };
  const app = (): Octokit =>
    new ProbotOctokit({
      ...quiet,
      authStrategy: createAppAuth,
      auth: { appId: github.app.id, privateKey: github.app.privateKey },
    });
  return {
    github,
    folder,
    received,
    answerWith: (wanted) => {
      status = wanted;
    },
    as: (token) => new ProbotOctokit({ ...quiet, auth: { token } }),
    app,
    mint: async (request = {}) => {
      const where = { installation_id: github.app.installationId };
      return (await app().request("POST /app/installations/{installation_id}/access_tokens", { ...where, ...request })).data
        .token;
    },
    git: (args, { cwd = folder, token } = {}) => runGit(args, { cwd, token }),
    heard: async (event, action) => {
      await github.settled();
      const found = received.findLast((one) => one.event === event && (action === undefined || one.payload.action === action));
      const all = received.map((one) => `${one.event}.${one.payload.action}`).join(", ");
      if (found === undefined) throw new Error(`no ${event}.${action} among ${all}`);
      if (!found.signed) throw new Error(`${event}.${action} was not signed`);
      return found.payload;
    },
    [Symbol.asyncDispose]: async () => {
      await github.close();
      hook.close();
      hook.closeAllConnections();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The status that GitHub refused with. Throws where it did not refuse. */
export async function refusal(request: Promise<unknown>): Promise<{ status: number; message: string; errors: unknown }> {
  const outcome = await request.then(
    () => undefined,
    (error: { status?: number; message: string; response?: { data: { message: string; errors?: unknown } } }) => error,
  );
  if (outcome?.status === undefined) throw outcome ?? new Error("it was not refused");
  return {
    status: outcome.status,
    message: outcome.response?.data.message ?? outcome.message,
    errors: outcome.response?.data.errors,
  };
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function runGit(args: string[], { cwd, token }: { cwd: string; token: string | undefined }) {
  const header = `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
  const credential =
    token === undefined ? {} : { GIT_CONFIG_COUNT: "2", GIT_CONFIG_KEY_1: "http.extraHeader", GIT_CONFIG_VALUE_1: header };
  const who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
  const done = await execa("git", [...who, ...args], {
    cwd,
    extendEnv: false,
    env: { ...gitEnvironment, ...credential },
    reject: false,
  });
  return { exitCode: done.exitCode, stdout: done.stdout, stderr: done.stderr };
}
