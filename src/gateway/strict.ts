/** ◆ What `node:http` lets pass and this gateway does not: every request that two readers could understand differently. */

export interface RequestHead {
  method: string;
  /** As received. */
  target: string;
  httpVersion: string;
  /** Name, value, name, value … as received. */
  rawHeaders: readonly string[];
}

export interface StrictRefusal {
  rule: string;
  status: 400 | 403;
  why: string;
}

/** Undefined: the head has one reading. Otherwise the connection must be closed after the answer, since what follows cannot be trusted. */
export function findHttpFault(head: RequestHead): StrictRefusal | undefined {
  const headers = readHeaders(head.rawHeaders);
  if (head.httpVersion !== "1.1") return fault("http.version", "only HTTP/1.1 is spoken here");
  if (headers.get("host")?.length !== 1) return fault("http.host", "exactly one Host header is needed");
  if (!head.target.startsWith("/")) return fault("http.target", "the target must be a path");
  if (!/^[\x21-\x7e]+$/.test(head.target) || head.target.includes("#"))
    return fault("http.target", "the target has a character that no path has");
  return findHeaderFault(head.method, headers);
}

/** The same for a CONNECT, whose target is looked at elsewhere. Host must say what the target says: some clients leave its port out.
 *  Python's http.client before 3.12 says HTTP/1.0, without a Host; nothing of HTTP comes behind it, so there is nothing to misread. */
export function findConnectFault(head: RequestHead): StrictRefusal | undefined {
  const headers = readHeaders(head.rawHeaders);
  if (head.httpVersion !== "1.1" && head.httpVersion !== "1.0") return fault("http.version", "only HTTP/1.1 is spoken here");
  const hosts = headers.get("host") ?? [];
  const named = hosts.every((host) => host === head.target || `${host}:443` === head.target);
  if (hosts.length > 1 || !named || (hosts.length === 0 && head.httpVersion === "1.1"))
    return fault("http.host", "exactly one Host header is needed, which names what CONNECT names");
  return findHeaderFault(head.method, headers);
}

function findHeaderFault(method: string, headers: ReadonlyMap<string, readonly string[]>): StrictRefusal | undefined {
  const one = (name: string) => headers.get(name) ?? [];
  for (const [name, values] of headers) {
    if (!/^[a-z0-9-]+$/.test(name)) return fault("http.header-name", "a header's name has an odd character");
    if (values.length > 1) return fault("http.header-twice", `${name} is sent twice`);
  }
  const transferEncoding = one("transfer-encoding")[0];
  if (transferEncoding !== undefined && transferEncoding !== "chunked")
    return fault("http.framing", "Transfer-Encoding must be exactly chunked");
  const contentLength = one("content-length")[0];
  if (contentLength !== undefined && (transferEncoding !== undefined || !/^(?:0|[1-9]\d{0,11})$/.test(contentLength))) {
    return fault("http.framing", "the body's length is told in more than one way");
  }
  const hasBody = transferEncoding !== undefined || (contentLength ?? "0") !== "0";
  if (hasBody && method !== "POST") return fault("http.body", `${method} has no body here`);
  for (const name of ["upgrade", "expect", "trailer", "te", "http2-settings"]) {
    if (headers.has(name)) return fault(`http.${name}`, `${name} is not spoken here`);
  }
  const connection = one("connection")[0];
  if (connection !== undefined && !/^(?:keep-alive|close)$/i.test(connection)) {
    return fault("http.connection", "Connection may only say keep-alive or close");
  }
  return undefined;
}

/** Lower-case names to all their values. */
export function readHeaders(rawHeaders: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[at + 1] ?? ""]);
  }
  return headers;
}

function fault(rule: string, why: string): StrictRefusal {
  return { rule, status: 400, why };
}
