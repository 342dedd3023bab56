import type { RequestParameters } from "@octokit/types";
import { ProbotOctokit } from "probot";
import { Fault } from "../fault.ts";
import { redactOutbound } from "./outbound.ts";

/** GitHub's REST API with one credential. Each call is one request, except that reads are tried again. */
export type Api = InstanceType<typeof ProbotOctokit>;

// Probot's retry and throttling are off: they repeat POSTs after a 502 that succeeded, and put seconds between writes.
const Octokit = ProbotOctokit.defaults({ throttle: { enabled: false }, retry: { enabled: false } });

/**
 * `baseUrl`: without a slash at the end. `authorization`: the header's whole value, asked for at each request. `redact` stands before
 * every text that goes to GitHub.
 */
export function createApi(
  baseUrl: string,
  authorization: () => string | Promise<string>,
  redact: (text: string) => string = (text) => text,
): Api {
  const api = new Octokit({
    baseUrl,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    authStrategy: () => ({
      hook: async (request: Api["request"], route: string | RequestParameters, parameters?: RequestParameters) => {
        const options = redactOutbound(request.endpoint.merge(route as string, parameters), redact);
        options.headers.authorization = await authorization();
        return request(options as never);
      },
    }),
  }) as Api;
  retryReads(api);
  return api;
}

/** Tries GET and HEAD again after 5xx and broken connections: they change nothing. */
function retryReads(api: Api): void {
  api.hook.wrap("request", async (request, options) => {
    const reads = options.method === "GET" || options.method === "HEAD";
    for (let attempt = 1; ; attempt++) {
      try {
        return await request(options);
      } catch (error) {
        const again = reads && attempt < 4 && (statusOf(error) ?? 500) >= 500;
        if (!again) throw error;
        await new Promise((resolve) => setTimeout(resolve, 150 * 2 ** attempt));
      }
    }
  });
}

/** A call to GitHub that failed, answered or not. */
export function isHttpError(error: unknown): error is Error {
  return error instanceof Error && error.name === "HttpError";
}

/** The HTTP status of a failed request; undefined where no answer came. */
export function statusOf(error: unknown): number | undefined {
  if (!isHttpError(error)) return undefined;
  const { status, response } = error as Error & { status?: unknown; response?: unknown };
  return response !== undefined && typeof status === "number" ? status : undefined;
}

/** GitHub's own sentence, for people. Octokit's messages carry a link to the documentation of the call as well. */
export function messageOf(error: unknown): string {
  const data = (error as { response?: { data?: { message?: unknown } } } | undefined)?.response?.data;
  if (typeof data?.message === "string") return data.message;
  return error instanceof Error ? error.message : String(error);
}

/** True where trying the same again later may help: GitHub away, or asking for less. A mistake of ours stays one. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Fault) return error.code === "github.away";
  if (!isHttpError(error)) return false;
  const status = statusOf(error);
  return status === undefined || status >= 500 || status === 429 || (status === 403 && isLimited(error));
}

/** How long GitHub asks to wait; 0 where it does not say. https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api */
export function retryAfterMsOf(error: unknown, nowMs: number): number {
  const headers = headersOf(error);
  const seconds = Number(headers["retry-after"] ?? 0);
  const resetMs = headers["x-ratelimit-remaining"] === "0" ? Number(headers["x-ratelimit-reset"] ?? 0) * 1000 - nowMs : 0;
  return Math.max(0, Number.isFinite(seconds) ? seconds * 1000 : 0, Number.isFinite(resetMs) ? resetMs : 0);
}

/** GitHub refuses with 403 both what is not allowed and what is too much: the headers tell which. */
function isLimited(error: unknown): boolean {
  const headers = headersOf(error);
  return headers["retry-after"] !== undefined || headers["x-ratelimit-remaining"] === "0";
}

function headersOf(error: unknown): Record<string, string | number | undefined> {
  return (error as { response?: { headers?: Record<string, string | number | undefined> } } | undefined)?.response?.headers ?? {};
}

/** The error that came first, where disposing of something (revoking a token) failed as well. */
export function firstError(error: unknown): unknown {
  return error instanceof SuppressedError ? firstError(error.suppressed) : error;
}
