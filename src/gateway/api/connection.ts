/** ◆ Lists as GraphQL pages them, out of lists as REST pages them. */
import { type Arguments, FieldRefused, type Node } from "./execute.ts";

/** Reads one path below the repository; undefined: there is none. */
export type ReadRest = (below: string) => Promise<unknown>;

/** GitHub's own answer: trusted to have the shape of its published description. */
// biome-ignore lint/suspicious/noExplicitAny: naming each field of the description again would say nothing.
export type Rest = Record<string, any>;

export interface ListWish {
  /** With "?" and its own parameters, if it has any. */
  path: string;
  /** Where REST wraps the list: "check_runs". */
  in?: string;
  /** What is left out. By default nothing. */
  keeps?: (found: Rest) => boolean;
  node: (found: Rest) => Node;
  /** How many there are, where it is known from elsewhere. */
  total?: number;
}

/** GitHub's own maximum. */
const perPage = 100;
/** Three thousand items: whoever needs more asks for less. */
const mostPages = 30;

/** The part of a list that `first`, `last` and `after` name. No page is read that this part does not need. */
export async function list(read: ReadRest, args: Arguments, wish: ListWish): Promise<Node> {
  const after = offsetOf(args.after);
  const fromEnd = typeof args.last === "number";
  const most = Math.min(perPage, whole(fromEnd ? args.last : (args.first ?? perPage)));
  const { found, more } = await readUntil(read, wish, fromEnd ? Number.POSITIVE_INFINITY : after + most + 1);
  const shown = fromEnd ? found.slice(-most) : found.slice(after, after + most);
  const hasNextPage = !fromEnd && (found.length > after + most || more);
  return {
    nodes: shown.map(wish.node),
    totalCount: Math.max(wish.total ?? 0, found.length),
    pageInfo: { hasNextPage, endCursor: hasNextPage ? printOffset(after + most) : "" },
  };
}

/** A list that is whole already. */
export function connection(nodes: Node[], totalCount = nodes.length): Node {
  return { nodes, totalCount, pageInfo: { hasNextPage: false, endCursor: "" } };
}

/** `more`: there is more than was wanted, or than is ever read. */
async function readUntil(read: ReadRest, wish: ListWish, wanted: number): Promise<{ found: Rest[]; more: boolean }> {
  const found: Rest[] = [];
  for (let page = 1; page <= mostPages; page++) {
    const answer = await read(`${wish.path}${wish.path.includes("?") ? "&" : "?"}per_page=${perPage}&page=${page}`);
    const items = ((wish.in ? (answer as Rest | undefined)?.[wish.in] : answer) ?? []) as Rest[];
    found.push(...items.filter((each) => wish.keeps?.(each) ?? true));
    if (items.length < perPage) return { found, more: false };
    if (found.length >= wanted) break;
  }
  return { found, more: found.length >= wanted };
}

/** A cursor says how many came before it. No other is ever given out, so no other is taken. */
function offsetOf(cursor: unknown): number {
  if (cursor === undefined || cursor === null || cursor === "") return 0;
  const [, offset] = /^after:(\d{1,5})$/.exec(String(cursor)) ?? [];
  if (offset === undefined) throw new FieldRefused("after");
  return Number(offset);
}

function printOffset(offset: number): string {
  return `after:${offset}`;
}

/** A number for a path, whatever was sent. */
export function whole(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}
