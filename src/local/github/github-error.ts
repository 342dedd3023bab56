/** An answer that is not a success, in GitHub's shape. Thrown by handlers, written by the server. */
export class GitHubError extends Error {
  readonly status: number;
  readonly errors: unknown[] | undefined;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, more: { errors?: unknown[]; headers?: Record<string, string> } = {}) {
    super(message);
    this.name = "GitHubError";
    this.status = status;
    this.errors = more.errors;
    this.headers = more.headers ?? {};
  }

  body(): Record<string, unknown> {
    return {
      message: this.message,
      ...(this.errors ? { errors: this.errors } : {}),
      documentation_url: "https://docs.github.com/rest",
      status: String(this.status),
    };
  }
}

export function notFound(): GitHubError {
  return new GitHubError(404, "Not Found");
}

/** `code`: "missing_field", "already_exists", "invalid", or "custom" with a message of its own. */
export function invalidField(problem: { resource: string; field: string; code: string; message?: string }): GitHubError {
  return new GitHubError(422, "Validation Failed", { errors: [problem] });
}
