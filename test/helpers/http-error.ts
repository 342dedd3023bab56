/** What Octokit throws where GitHub answers so; `status` undefined: no answer came. */
export function httpError(
  status: number | undefined,
  of: { message?: string; headers?: Record<string, string>; data?: unknown } = {},
): Error {
  const { message = "said GitHub", headers = {}, data = { message } } = of;
  // Octokit says 500 where there was no answer at all.
  if (status === undefined) return Object.assign(new Error("fetch failed"), { name: "HttpError", status: 500 });
  return Object.assign(new Error(message), { name: "HttpError", status, response: { status, headers, data } });
}
