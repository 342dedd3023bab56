import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { EvidenceRow } from "../../run/evidence.ts";
import { endOnSocket, printRawRefusal } from "../refusal.ts";
import { findConnectFault } from "../strict.ts";
import { type AnswerDecision, decideAnswer } from "./answer.ts";
import { decideAuthority, type TunnelRefusal } from "./authority.ts";
import { decideHello, decideSecondHello, type HelloDecision } from "./client-hello.ts";
import { dialHost } from "./dial.ts";
import { readStart, type StartRead } from "./hello.ts";
import type { Internet } from "./internet.ts";
import type { TunnelLimits } from "./limits.ts";
import { splice } from "./splice.ts";

export interface TunnelPlace {
  /** In canonical form; none: there are no tunnels. */
  hosts: readonly string[];
  internet: Internet;
  limits: TunnelLimits;
}

export type TunnelRow = Omit<EvidenceRow, "run" | "seq" | "digest">;

export interface TunnelWish {
  request: IncomingMessage;
  socket: Socket;
  /** What came with the request. */
  head: Buffer;
  /** Whether it is the first request of its connection. */
  first: boolean;
}

export interface Tunnels {
  /** Resolves when the tunnel has ended and is on record. */
  serve(wish: TunnelWish): Promise<void>;
  closeAll(): void;
}

/** One run's tunnels. `carried`: what earlier ones have sent and got already. */
export function openTunnels(of: {
  place: TunnelPlace;
  carried: { bytesIn: number; bytesOut: number };
  record(row: TunnelRow): void;
}): Tunnels {
  const { hosts, internet, limits } = of.place;
  const used = { sent: of.carried.bytesIn, got: of.carried.bytesOut };
  const limitOf = { sent: limits.sentBytes, got: limits.gotBytes };
  const sockets = new Set<Socket>();
  let open = 0;
  const admit = (direction: "sent" | "got", bytes: number): boolean => {
    if (used[direction] + bytes > limitOf[direction]) return false;
    used[direction] += bytes;
    return true;
  };

  function decide({ request }: TunnelWish): { host: string } | TunnelRefusal {
    const { method = "", url: target = "", httpVersion, rawHeaders } = request;
    const asked = findConnectFault({ method, target, httpVersion, rawHeaders }) ?? decideAuthority(target, hosts);
    if ("rule" in asked) return asked;
    if (open >= limits.tunnels) {
      const why = `${limits.tunnels} tunnels of this run are open already`;
      return { rule: "connect.too-many", status: 429, why, grant: "Close one, then ask again" };
    }
    const full = (["sent", "got"] as const).find((direction) => used[direction] >= limitOf[direction]);
    return full === undefined ? asked : { ...tooMuch, status: 403 };
  }

  async function serve(wish: TunnelWish): Promise<void> {
    const { socket, request } = wish;
    const atMs = Date.now();
    const row = (fields: Partial<TunnelRow> & Pick<TunnelRow, "verdict" | "rule" | "status">) =>
      of.record({
        ...{ atMs, door: "connect", method: "CONNECT", target: (request.url ?? "").slice(0, 512), bytesIn: 0, bytesOut: 0 },
        durationMs: Date.now() - atMs,
        ...fields,
      });
    const answer = (verdict: TunnelRow["verdict"], refusal: TunnelRefusal) => {
      const words = printRawRefusal(refusal);
      row({ verdict, rule: refusal.rule, status: refusal.status, bytesOut: words.length });
      endOnSocket(socket, words);
    };
    // An answer that is still on its way would come into the middle of the tunnel.
    if (!wish.first) {
      row({ verdict: "refused", rule: "connect.not-first", status: 0 });
      return void socket.destroy();
    }
    const asked = decide(wish);
    if ("rule" in asked) return answer("refused", asked);
    open += 1;
    const gone = new AbortController();
    let dialledFar: Socket | undefined;
    const left = () => {
      gone.abort();
      dialledFar?.destroy();
    };
    socket.once("close", left);
    try {
      const dialled = await dialHost(internet, asked.host, AbortSignal.any([gone.signal, AbortSignal.timeout(limits.dialMs)]));
      if (dialled.at === "private") return answer("refused", privateAddress(asked.host));
      if (dialled.at === "away") return answer("allowed", away(asked.host));
      const far = dialled.socket;
      dialledFar = far;
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      const hello = await readStart({
        ...{ socket, first: wish.head, waitMs: limits.helloMs },
        decide: (bytes) => decideHello(bytes, asked.host),
      });
      const counted = { bytesIn: 0, bytesOut: 0 };
      const share = (direction: "sent" | "got", bytes: number): boolean => {
        if (!admit(direction, bytes)) return false;
        counted[direction === "sent" ? "bytesIn" : "bytesOut"] += bytes;
        return true;
      };
      /** Nothing of it was passed on. */
      const turnAway = (read: ClientRead) => {
        far.destroy();
        endOnSocket(socket, read.at === "refused" && read.rule !== "connect.not-tls" ? alerts[read.rule] : Buffer.alloc(0));
        row({ ...endOfHello(read), status: 200, ...counted, bytesIn: counted.bytesIn + read.bytes.length });
      };
      if (hello.at !== "pass" || !share("sent", hello.endByte)) return turnAway(hello);
      row({ verdict: "allowed", rule: "connect.listed", status: 200 });
      // The record may be full by this row, and the door shut.
      if (socket.destroyed) return void far.destroy();
      far.write(hello.bytes.subarray(0, hello.endByte));
      let rest = hello.bytes.subarray(hello.endByte);
      // Until the far end has taken the name, what follows may be another ClientHello: no byte of it goes on.
      const answered = await readStart({ socket: far, first: Buffer.alloc(0), waitMs: limits.dialMs, decide: decideAnswer });
      if ((answered.at !== "pass" && answered.at !== "retry") || !share("got", answered.bytes.length)) {
        far.destroy();
        endOnSocket(socket, Buffer.alloc(0));
        return row({ ...endOfAnswer(answered), status: 200, ...counted });
      }
      socket.write(answered.bytes);
      if (answered.at === "retry") {
        const second = await readStart({
          ...{ socket, first: rest, waitMs: limits.helloMs },
          decide: (bytes) => decideSecondHello(bytes, asked.host),
        });
        if (second.at !== "pass" || !share("sent", second.endByte)) return turnAway(second);
        far.write(second.bytes.subarray(0, second.endByte));
        rest = second.bytes.subarray(second.endByte);
      }
      if (rest.length > 0) socket.unshift(rest);
      const end = await splice({
        ...{ client: socket, far, limits },
        admit: share,
      });
      row({ verdict: end === "too-much" ? "refused" : "allowed", rule: rules[end], status: 200, ...counted });
    } finally {
      open -= 1;
      socket.off("close", left);
    }
  }

  return {
    async serve(wish) {
      const { socket } = wish;
      socket.on("error", () => {});
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      await serve(wish);
    },
    closeAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** How an opened tunnel ends. */
const rules = {
  ended: "connect.ended",
  idle: "connect.idle",
  expired: "connect.expired",
  "too-much": "connect.too-much",
} as const;

type ClientRead = StartRead<HelloDecision>;

function endOfAnswer(answer: StartRead<AnswerDecision>): Pick<TunnelRow, "verdict" | "rule"> {
  if (answer.at === "gone") return { verdict: "allowed", rule: "connect.ended" };
  if (answer.at === "late") return { verdict: "allowed", rule: "connect.idle" };
  return { verdict: "refused", rule: answer.at === "refused" ? answer.rule : "connect.too-much" };
}

function endOfHello(hello: ClientRead): Pick<TunnelRow, "verdict" | "rule"> {
  // The client thought better of it.
  if (hello.at === "gone") return { verdict: "allowed", rule: "connect.unused" };
  if (hello.at === "late") return { verdict: "refused", rule: "connect.timeout" };
  return { verdict: "refused", rule: hello.at === "refused" ? hello.rule : "connect.too-much" };
}

const tooMuch = {
  rule: "connect.too-much",
  why: "the tunnels of this run have carried as many bytes as one run may send or get",
  grant: "A new run begins at nothing",
};

function privateAddress(host: string): TunnelRefusal {
  const why = `${host} has an address that is not of the public internet`;
  return {
    rule: "connect.private-address",
    status: 403,
    why,
    grant: "Tunnels go to no such address; the operator takes the host off AIRLOCK_CONNECT",
  };
}

function away(host: string): TunnelRefusal {
  return {
    rule: "connect.away",
    status: 502,
    why: `${host} could not be reached`,
    grant: "The operator checks the name and the network",
  };
}

/** What a TLS client shows its user: fatal, access_denied or unrecognized_name. */
const alerts = {
  "connect.hello": tlsAlert(49),
  "connect.hidden-name": tlsAlert(49),
  "connect.other-name": tlsAlert(112),
} as const;

function tlsAlert(description: number): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, 2, description]);
}
