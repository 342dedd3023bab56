import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Actor, Reply } from "./call.ts";
import { tryGit } from "./git.ts";
import { type RefUpdate, zeroSha } from "./refs.ts";
import type { Repository } from "./state.ts";
import { findNewWorkflowChange, workflowRefusal } from "./workflows.ts";

/** What a client sends to git-receive-pack: the refs to move, its capabilities, and a pack. */
export interface Push {
  commands: RefUpdate[];
  capabilities: string[];
  /** Empty where only refs are deleted. */
  pack: Buffer;
}

/** A lone flush, git's probe before a large push, has no commands. */
export function parsePush(body: Buffer): Push {
  const push: Push = { commands: [], capabilities: [], pack: Buffer.alloc(0) };
  let at = 0;
  while (at + 4 <= body.length) {
    const length = Number.parseInt(body.toString("latin1", at, at + 4), 16);
    if (length === 0) break;
    const [command = "", capabilities] = body.toString("utf8", at + 4, at + length).split("\0");
    if (capabilities !== undefined) push.capabilities = capabilities.trim().split(" ");
    const [before = "", after = "", ...ref] = command.replace(/\n$/, "").split(" ");
    if (/^[0-9a-f]{40}$/.test(before)) push.commands.push({ before, after, ref: ref.join(" ") });
    at += length;
  }
  return { ...push, pack: body.subarray(at + 4) };
}

/** What GitHub would refuse this push for; undefined: nothing. The pack is opened in quarantine, beside the repository. */
export async function findPushProblem(of: { repository: Repository; push: Push; actor: Actor }): Promise<string | undefined> {
  const { repository, push, actor } = of;
  if (push.pack.length === 0 || workflowRefusal(actor, "") === undefined) return undefined;
  const quarantine = join(repository.folder, `quarantine-${randomUUID()}`);
  const env = { GIT_OBJECT_DIRECTORY: quarantine, GIT_ALTERNATE_OBJECT_DIRECTORIES: join(repository.folder, "objects") };
  try {
    await mkdir(join(quarantine, "pack"), { recursive: true });
    const opened = await tryGit(repository.folder, ["index-pack", "--stdin", "--fix-thin"], { env, input: push.pack });
    // A pack that can't be read is git's to refuse, in its own words.
    if (opened === undefined) return undefined;
    for (const { after } of push.commands) {
      const path = after === zeroSha ? undefined : await findNewWorkflowChange(repository.folder, after, env);
      if (path !== undefined) return workflowRefusal(actor, path);
    }
    return undefined;
  } finally {
    await rm(quarantine, { recursive: true, force: true });
  }
}

/** The answer in which each ref is refused with a reason: git shows it as `[remote rejected]`. */
export function refusePush(push: Push, reason: string): Reply {
  const lines = ["unpack ok\n", ...push.commands.map(({ ref }) => `ng ${ref} ${reason}\n`)];
  const report = Buffer.concat([...lines.map((line) => packetLine(Buffer.from(line))), Buffer.from("0000")]);
  const banded = push.capabilities.includes("side-band-64k");
  const body = banded ? Buffer.concat([packetLine(Buffer.concat([Buffer.from([1]), report])), Buffer.from("0000")]) : report;
  return {
    status: 200,
    raw: { type: "application/x-git-receive-pack-result", text: body },
    headers: { "cache-control": "no-cache" },
  };
}

function packetLine(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from((data.length + 4).toString(16).padStart(4, "0")), data]);
}
