import { z } from "zod";
import { Fault } from "../fault.ts";
import { type Api, statusOf } from "../github/api.ts";

/** One line of GitHub's log of the App's deliveries, newest first (docs.github.com: "List deliveries for an app webhook"). */
export interface LogLine {
  /** GitHub's number of the attempt. Above 2^53, so text. */
  id: string;
  /** The delivery's own id, in X-GitHub-Delivery: a redelivery has the same. */
  guid: string;
  event: string;
  action: string | null;
  installationId: string | null;
  deliveredAtMs: number;
}

export interface LogPage {
  lines: LogLine[];
  /** Where the next page begins; undefined on the last one. */
  next: string | undefined;
}

/** What was sent, as GitHub tells it to the App itself: no signature is needed, since nobody else can answer on GitHub's API. */
export interface LoggedDelivery {
  headers: Record<string, string>;
  payload: Record<string, unknown>;
}

export interface DeliveryLog {
  /** `unless`: the ETag of the first page that was seen last; "unchanged" where it still is that one, which costs nothing of the rate limit. */
  page(at: {
    cursor?: string | undefined;
    unless?: string | undefined;
  }): Promise<(LogPage & { etag: string | undefined }) | "unchanged">;
  /** Undefined where GitHub has forgotten it, or kept no payload. */
  read(id: string): Promise<LoggedDelivery | undefined>;
}

// An id is a number or, from 2^53 on, a BigInt. Octokit drops a BigInt from a path, and a number would have lost its last digits.
const id = z.union([z.number().int(), z.bigint()]).transform(String);
const line = z.object({
  id,
  guid: z.string().regex(/^[\w-]{1,64}$/),
  event: z.string().regex(/^\w{1,64}$/),
  action: z.string().nullable(),
  installation_id: id.nullable(),
  delivered_at: z.iso.datetime({ offset: true }),
});
const detail = z.object({
  request: z.object({
    headers: z.record(z.string(), z.unknown()).nullable(),
    payload: z.record(z.string(), z.unknown()).nullable(),
  }),
});

/** `api`: as the App itself, by its JWT. Throws Fault "github.answer" on a line that is none; GitHub's refusals as they come. */
export function createDeliveryLog(api: Api): DeliveryLog {
  return {
    async page({ cursor, unless }) {
      try {
        const { data, headers } = await api.request("GET /app/hook/deliveries", {
          per_page: 100,
          ...(cursor !== undefined && { cursor }),
          ...(unless !== undefined && { headers: { "if-none-match": unless } }),
        });
        const lines = z.array(line).safeParse(data);
        if (!lines.success) throw unreadable();
        return { lines: lines.data.map(lineOf), next: cursorOf(headers.link), etag: headers.etag };
      } catch (error) {
        if (statusOf(error) === 304) return "unchanged";
        throw error;
      }
    },
    async read(wanted) {
      try {
        const { data } = await api.request("GET /app/hook/deliveries/{delivery_id}", { delivery_id: wanted as never });
        const found = detail.safeParse(data);
        if (!found.success) throw unreadable();
        const { headers, payload } = found.data.request;
        return headers && payload ? { headers: lowerCased(headers), payload } : undefined;
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },
  };
}

function lineOf(read: z.output<typeof line>): LogLine {
  const { installation_id: installationId, delivered_at: deliveredAt, ...rest } = read;
  return { ...rest, installationId, deliveredAtMs: Date.parse(deliveredAt) };
}

/** The cursor is opaque; it stands in the Link header alone. */
function cursorOf(link: string | undefined): string | undefined {
  const next = /<([^>]+)>;\s*rel="next"/.exec(link ?? "")?.[1];
  return (next && URL.parse(next)?.searchParams.get("cursor")) || undefined;
}

function lowerCased(headers: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

function unreadable(): Fault {
  return new Fault("github.answer", "GitHub's log of deliveries has not the form that is documented", {
    remedy: "Deliveries that come by webhook are not concerned. Report this if it stays",
  });
}
