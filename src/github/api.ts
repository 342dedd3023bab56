import type { RequestParameters } from "@octokit/types";
import { ProbotOctokit } from "probot";
import { Fault } from "../fault.ts";

/** GitHub's REST API with one credential. Each call is one request, except that reads are tried again. */
export type Api = InstanceType<typeof ProbotOctokit>;

// Probot's retry and throttling are off: they repeat POSTs after a 502 that succeeded, and put seconds between writes.
const Octokit = ProbotOctokit.defaults({ throttle: { enabled: false }, retry: { enabled: false } });

/** `baseUrl`: without a slash at the end. `authorization`: the header's whole value, asked for at each request. */
export function createApi(baseUrl: string, authorization: () => string | Promise<string>): Api {
  const api = new Octokit({
    baseUrl,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    authStrategy: () => ({
      hook: async (request: Api["request"], route: string | RequestParameters, parameters?: RequestParameters) => {
        const options = request.endpoint.merge(route as string, parameters);
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

/** The HTTP status of a failed request; undefined where no answer came. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || error.name !== "HttpError") return undefined;
  const { status, response } = error as Error & { status?: unknown; response?: unknown };
  return response !== undefined && typeof status === "number" ? status : undefined;
}

/** GitHub's own sentence, for people. Octokit's messages carry a link to the documentation of the call as well. */
export function messageOf(error: unknown): string {
  const data = (error as { response?: { data?: { message?: unknown } } }).response?.data;
  if (typeof data?.message === "string") return data.message;
  return error instanceof Error ? error.message : String(error);
}

/** True where trying the same again later may help. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Fault) return error.code === "github.away";
  const status = statusOf(error);
  return status === undefined || status >= 500 || status === 429;
}
