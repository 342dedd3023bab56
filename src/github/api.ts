import type { RequestParameters } from "@octokit/types";
import { ProbotOctokit } from "probot";
import { Fault } from "../fault.ts";
import { redactOutbound } from "./outbound.ts";
import { Paced, type Throttle } from "./throttle.ts";

/** GitHub's REST API with one credential. Each call is one request, except that reads are tried again. */
export type Api = InstanceType<typeof ProbotOctokit>;

// Probot's retry and throttling are off: they repeat POSTs after a 502 that succeeded, and put seconds between writes.
// A redirect is not followed: it comes where a repository or a branch has another name by now, and a POST that is led on becomes a GET.
const Octokit = ProbotOctokit.defaults({
  throttle: { enabled: false },
  retry: { enabled: false },
  request: { redirect: "manual" },
});

/**
 * `baseUrl`: without a slash at the end. `authorization`: the header's whole value, asked for at each request. `redact` stands before
 * every text that goes to GitHub; `throttle` holds each request back until it is its turn.
 */
export function createApi(
  baseUrl: string,
  authorization: () => string | Promise<string>,
  { redact = (text) => text, throttle }: { redact?: (text: string) => string; throttle?: Throttle } = {},
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
  if (throttle) keepPace(api, baseUrl, throttle);
  // Around the above: what is asked again counts again.
  retryReads(api);
  return api;
}

/** Where GitHub says that it is too much, everybody waits: whoever goes on asking meanwhile is shut out for longer. */
function keepPace(api: Api, baseUrl: string, throttle: Throttle): void {
  api.hook.wrap("request", async (request, options) => {
    // A list's next page is named by its whole address.
    await throttle.pass(options.method, options.url.startsWith(baseUrl) ? options.url.slice(baseUrl.length) : options.url);
    try {
      return await request(options);
    } catch (error) {
      const pauseMs = pauseMsOf(error);
      if (pauseMs > 0) throttle.pause(pauseMs);
      throw error;
    }
  });
}

/** Tries GET and HEAD again after 5xx and broken connections: they change nothing. Throws Fault "github.redirected". */
function retryReads(api: Api): void {
  api.hook.wrap("request", async (request, options) => {
    const reads = options.method === "GET" || options.method === "HEAD";
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await request(options);
        if (response.status >= 300 && response.status < 400) throw redirected(response.url);
        return response;
      } catch (error) {
        const again = reads && attempt < 4 && !(error instanceof Fault) && (statusOf(error) ?? 500) >= 500;
        if (!again) throw error;
        await new Promise((resolve) => setTimeout(resolve, 150 * 2 ** attempt));
      }
    }
  });
}

/** What was asked for is there under another name. */
export function redirected(what: string): Fault {
  return new Fault("github.redirected", `GitHub says that ${what.replace(/^https?:\/\/[^/]+/, "")} has moved`, {
    remedy: "A repository, an issue or a branch was renamed or transferred: ask again where it is now",
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

/** Of a repository that has moved it is known where to by then. */
const passingCodes: ReadonlySet<string> = new Set(["github.away", "github.paced", "repository.moved"]);

/** True where trying the same again later may help: GitHub away, or asking for less. A mistake of ours stays one. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Fault) return passingCodes.has(error.code);
  if (!isHttpError(error)) return false;
  const status = statusOf(error);
  return status === undefined || status >= 500 || status === 429 || (status === 403 && isLimited(error));
}

/** How long GitHub asks to wait; 0 where it does not say. https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api */
export function retryAfterMsOf(error: unknown, nowMs: number): number {
  if (error instanceof Paced) return error.waitMs;
  const headers = headersOf(error);
  const seconds = Number(headers["retry-after"] ?? 0);
  const resetMs = headers["x-ratelimit-remaining"] === "0" ? Number(headers["x-ratelimit-reset"] ?? 0) * 1000 - nowMs : 0;
  return Math.max(0, Number.isFinite(seconds) ? seconds * 1000 : 0, Number.isFinite(resetMs) ? resetMs : 0, pauseMsOf(error));
}

/** GitHub refuses with 403 both what is not allowed and what is too much: the headers tell which, or else the page that it names. */
function isLimited(error: unknown): boolean {
  const headers = headersOf(error);
  return headers["retry-after"] !== undefined || headers["x-ratelimit-remaining"] === "0" || isSecondary(error);
}

function isSecondary(error: unknown): boolean {
  const data = (error as { response?: { data?: { documentation_url?: unknown } } } | undefined)?.response?.data;
  return typeof data?.documentation_url === "string" && data.documentation_url.includes("secondary-rate-limits");
}

/** For how long a secondary limit holds, which is on all that the App asks; 0 where it met none. An installation's own limit is its own. */
export function pauseMsOf(error: unknown): number {
  const status = statusOf(error);
  if (status !== 403 && status !== 429) return 0;
  const seconds = Number(headersOf(error)["retry-after"] ?? 0);
  // "Otherwise, wait for at least one minute before retrying."
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3_600) * 1_000 : isSecondary(error) ? 60_000 : 0;
}

function headersOf(error: unknown): Record<string, string | number | undefined> {
  return (error as { response?: { headers?: Record<string, string | number | undefined> } } | undefined)?.response?.headers ?? {};
}

/** The error that came first, where disposing of something (revoking a token) failed as well. */
export function firstError(error: unknown): unknown {
  return error instanceof SuppressedError ? firstError(error.suppressed) : error;
}
