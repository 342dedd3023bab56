import type { Filer, Reader, RunView, TranscriptEntry } from "../../../src/pages/view.ts";
import type { RunId } from "../../../src/run/identity.ts";
import type { ChainHead } from "../../../src/secret/chain.ts";

export const key = "0123456789abcdef0123456789abcdef";
export const runId = "abcdefghijklmnop" as RunId;

/** A store in memory. Every change wakes whoever follows the run; ticks while nobody waits are kept as one. */
export class FakeReader implements Reader, Filer {
  readonly runs = new Map<RunId, RunView>();
  readonly entries = new Map<RunId, TranscriptEntry[]>();
  readonly decided: { run: RunId; kind: string; sha: string | undefined }[] = [];
  readonly cancelled: { run: RunId; name: string }[] = [];
  /** What was noted as the end of the record. */
  head: ChainHead | undefined;
  /** Streams that follow a run at this moment. */
  following = 0;
  readonly #waiters = new Set<() => void>();

  put(view: RunView): void {
    this.runs.set(view.id, view);
    this.#wake();
  }

  write(run: RunId, entry: Omit<TranscriptEntry, "seq" | "id" | "atMs"> & { atMs?: number }): void {
    const list = this.entries.get(run) ?? [];
    const seq = list.length + 1;
    list.push({ atMs: 1_780_000_000_000 + seq * 1_000, ...entry, seq, id: `event-${seq}` });
    this.entries.set(run, list);
    const view = this.runs.get(run);
    if (view) view.lastSeq = seq;
    this.#wake();
  }

  async decide(run: RunId, { kind, sha }: Parameters<Filer["decide"]>[1]): ReturnType<Filer["decide"]> {
    const view = this.runs.get(run);
    if (!view) return { is: "unknown" };
    if (!view.held) return { is: "not-held" };
    if (sha !== undefined && !view.held.sha.startsWith(sha)) return { is: "other-commit", held: view.held.sha };
    this.decided.push({ run, kind, sha });
    return { is: "filed", sha: view.held.sha };
  }

  async findRun(pageKey: string): Promise<RunView | undefined> {
    return [...this.runs.values()].find((view) => view.pageKey === pageKey);
  }

  async findById(id: RunId): Promise<RunView | undefined> {
    return this.runs.get(id);
  }

  async listRuns(limit: number): Promise<RunView[]> {
    return [...this.runs.values()].reverse().slice(0, limit);
  }

  async transcript(run: RunId, afterSeq: number, limit: number): Promise<TranscriptEntry[]> {
    return (this.entries.get(run) ?? []).filter((entry) => entry.seq > afterSeq).slice(0, limit);
  }

  async *changes(_run: RunId, signal: AbortSignal): AsyncGenerator<void> {
    let changed = false;
    let wake = () => {};
    const note = () => {
      changed = true;
      wake();
    };
    this.#waiters.add(note);
    signal.addEventListener("abort", () => wake());
    this.following += 1;
    try {
      while (!signal.aborted) {
        if (!changed) await new Promise<void>((resolve) => (wake = resolve));
        changed = false;
        if (!signal.aborted) yield;
      }
    } finally {
      this.#waiters.delete(note);
      this.following -= 1;
    }
  }

  async evidence(run: RunId) {
    return { rows: this.runs.get(run)?.evidence.rows ?? [], ...(this.head && { head: this.head }) };
  }

  async cancel(run: RunId, by: { kind: "operator" | "page"; name: string }): Promise<"filed" | "ended" | "unknown"> {
    const view = this.runs.get(run);
    if (!view) return "unknown";
    if (view.state.at === "ended") return "ended";
    this.cancelled.push({ run, name: by.name });
    return "filed";
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }
}

const beganAtMs = 1_780_000_000_000;

export const smallPatch = `diff --git a/src/price.ts b/src/price.ts
index 1111111..2222222 100644
--- a/src/price.ts
+++ b/src/price.ts
@@ -1,4 +1,5 @@ export function total(items: Item[]) {
 export function total(items: Item[]): number {
-  return items.reduce((sum, item) => sum + item.price, 0);
+  const cents = items.reduce((sum, item) => sum + Math.round(item.price * 100), 0);
+  return cents / 100;
 }
 // end
diff --git a/test/price.test.ts b/test/price.test.ts
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/test/price.test.ts
@@ -0,0 +1,3 @@
+it("adds prices without a rounding error", () => {
+  expect(total([{ price: 0.1 }, { price: 0.2 }])).toBe(0.3);
+});
`;

/** A run in the middle of its work, everything filled in. */
export function makeRun(change: Partial<RunView> = {}): RunView {
  return {
    id: runId,
    pageKey: key,
    repository: { owner: "acme", name: "shop", url: "https://github.example/acme/shop" },
    subject: { kind: "issue", number: 7, title: "Prices add up wrongly", url: "https://github.example/acme/shop/issues/7" },
    requester: { login: "maria" },
    trigger: "the label agent",
    createdAtMs: beganAtMs,
    state: { at: "working", words: "Claude Code is working on issue #7" },
    startedAtMs: beganAtMs + 1_500,
    timeline: [
      { atMs: beganAtMs, words: "Asked by maria", detail: "label agent" },
      { atMs: beganAtMs + 320, words: "Permission confirmed", detail: "write" },
      { atMs: beganAtMs + 1_100, words: "Sandbox sealed", detail: "12 checks passed" },
      { atMs: beganAtMs + 1_500, words: "Agent started" },
    ],
    checks: [
      { name: "uid", side: "inside", ok: true, seen: "uid 300007, gid 300007" },
      { name: "capabilities", side: "inside", ok: true, seen: "CapEff 0, CapBnd 0" },
      { name: "network.public-address", side: "inside", ok: true, seen: "ENETUNREACH" },
      { name: "mounts", side: "outside", ok: true, seen: "1 volume, 1 read-only folder" },
    ],
    mode: "sealed",
    isolation: { kind: "runc", version: "1.1.5+ds1", kernel: "6.1.0", escapes: ["runc 1.1.5 has a known hole"] },
    evidence: {
      allowed: 3,
      refused: 1,
      rows: [
        row({ seq: 1, door: "git", method: "POST", target: "/git/git-upload-pack", rule: "git.run-repository" }),
        row({ seq: 2, door: "model", method: "POST", target: "/v1/messages?beta=true", rule: "model.messages", bytesIn: 48_200 }),
        row({
          seq: 3,
          door: "none",
          method: "CONNECT",
          target: "example.com:443",
          rule: "default.refuse",
          verdict: "refused",
          status: 403,
          bytesIn: 0,
          bytesOut: 96,
        }),
        row({ seq: 4, door: "model", method: "POST", target: "/v1/messages?beta=true", rule: "model.messages", bytesIn: 51_900 }),
      ],
    },
    grants: [
      {
        duty: "fetcher",
        permissions: { contents: "read", metadata: "read" },
        mintedAtMs: beganAtMs + 400,
        revokedAtMs: beganAtMs + 900,
        expiresAtMs: beganAtMs + 3_600_000,
      },
      {
        duty: "reporter",
        permissions: { checks: "write", issues: "write" },
        mintedAtMs: beganAtMs + 420,
        expiresAtMs: 4_000_000_000_000,
      },
    ],
    usage: {
      turns: 4,
      inputTokens: 10_312,
      outputTokens: 1_840,
      cacheReadTokens: 52_000,
      cacheWriteTokens: 9_100,
      costUsd: 0.0731,
    },
    lastSeq: 0,
    branch: "agent/issue-7",
    checkRun: { id: 99, url: "https://github.example/acme/shop/runs/99" },
    ...change,
  };
}

function row(change: Partial<RunView["evidence"]["rows"][number]>): RunView["evidence"]["rows"][number] {
  return {
    run: runId,
    seq: 1,
    atMs: beganAtMs + 2_000,
    door: "model",
    method: "POST",
    target: "/",
    verdict: "allowed",
    rule: "",
    bytesIn: 412,
    bytesOut: 9_310,
    status: 200,
    durationMs: 40,
    ...change,
  };
}

export function fillTranscript(reader: FakeReader): void {
  reader.write(runId, { kind: "note", text: "Claude Code 2.1.331 started" });
  reader.write(runId, {
    kind: "say",
    text: "I will look at how **totals** are computed first.\n\n- read `src/price.ts`\n- run the tests",
  });
  reader.write(runId, { kind: "tool", tool: "Bash", text: "npm test -- price" });
  reader.write(runId, {
    kind: "tool-result",
    tool: "Bash",
    text: Array.from({ length: 24 }, (_, line) => `\u001b[32m✓\u001b[0m case ${line + 1} passes`).join("\n"),
  });
  reader.write(runId, { kind: "say", text: "Floating point is the cause. I will count in cents." });
}
