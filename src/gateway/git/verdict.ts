/** ◆ What became of an exchange with the run's repository, read from the git host's answer: a refusal in it is one, whatever HTTP says. */
import { flushPacket, printPacket, readPacket } from "../../git/pkt-line.ts";

export interface GitRefusal {
  rule: string;
  why: string;
  grant: string;
}

/** By the git host's own status, before git was asked. Undefined: it is a fault, not a refusal. */
export function refusalOfStatus(status: number): GitRefusal | undefined {
  return byStatus[status];
}

const larger = "A person makes the change in smaller parts; nothing inside the sandbox raises the limit";
const byStatus: Readonly<Record<number, GitRefusal>> = {
  404: {
    rule: "git.no-repository",
    why: "this run has no repository",
    grant: "Nothing allows it: a trial of the sandbox alone has none",
  },
  413: { rule: "git.too-large", why: "the push, the request or the repository is larger than a run's may be", grant: larger },
  415: { rule: "git.encoding", why: "only gzip is read", grant: "Leave the encoding to git" },
};

/** `answer`: the whole answer to a push, with or without side bands. */
export function findPushRefusal(answer: Buffer): GitRefusal | undefined {
  const outer = dataOf(answer);
  const banded = isBanded(outer);
  const band = (wanted: number) => Buffer.concat(outer.filter((each) => each[0] === wanted).map((each) => each.subarray(1)));
  const lines = (banded ? dataOf(band(1)) : outer).map((each) => each.toString("latin1").replace(/\n$/, ""));
  const broken = banded && band(3).length > 0;
  const unpack = lines.find((line) => line.startsWith("unpack "));
  // An answer without a report is what a push that asked for none gets, and what a bare flush gets.
  if (broken || (unpack !== undefined && unpack !== "unpack ok"))
    return { rule: "git.pack-refused", why: "git does not take these objects: malformed, too many or too large", grant: larger };
  const refused = lines.filter((line) => line.startsWith("ng "));
  if (refused.some((line) => line.endsWith(" deny updating a hidden ref") || line.endsWith(" funny refname")))
    return {
      ...{ rule: "git.ref-hidden", why: "a run's repository has branches and tags, and nothing else" },
      grant: "Push to refs/heads/ or refs/tags/",
    };
  if (refused.length === 0) return undefined;
  return { rule: "git.ref-refused", why: "git did not move a ref", grant: "Its own words are beside the ref" };
}

/** `beginning`: of the answer to a fetch; the first packet is enough. */
export function findFetchRefusal(beginning: Buffer): GitRefusal | undefined {
  const [first] = dataOf(beginning);
  if (first?.toString("latin1", 0, 4) !== "ERR ") return undefined;
  const why = "an object was asked for that no ref of this run's repository reaches";
  return { rule: "git.not-served", why, grant: "A person puts it on the branch that the run starts from" };
}

/** The same beginning with those words in it, which git shows as "remote error: …". */
export function withWords(beginning: Buffer, words: string): Buffer {
  const reading = readPacket(beginning, 0);
  if (reading.at !== "packet" || reading.packet.kind !== "data") return beginning;
  const said = reading.packet.payload.toString("latin1").replace(/\n$/, "").slice(0, 1_024);
  return Buffer.concat([printPacket(`${said}: ${words}\n`), beginning.subarray(reading.size)]);
}

/** The answer to a push with a line for people in it, where the client asked for side bands: git prints it as "remote: …". */
export function withNote(answer: Buffer, note: string): Buffer {
  const ended = answer.subarray(-4).equals(flushPacket);
  if (!ended || !isBanded(dataOf(answer))) return answer;
  return Buffer.concat([answer.subarray(0, -4), printPacket(`\u0002${note}\n`), flushPacket]);
}

function isBanded(packets: readonly Buffer[]): boolean {
  return packets.length > 0 && packets.every((each) => each[0] === 1 || each[0] === 2 || each[0] === 3);
}

function dataOf(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const reading = readPacket(bytes, at);
    if (reading.at !== "packet") break;
    if (reading.packet.kind === "data" && reading.packet.payload.length > 0) found.push(reading.packet.payload);
    at += reading.size;
  }
  return found;
}
