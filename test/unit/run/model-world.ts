import type { Command } from "../../../src/run/command.ts";
import { findStop, findWord } from "../../../src/run/command.ts";
import { decide } from "../../../src/run/decide.ts";
import { evolve } from "../../../src/run/evolve.ts";
import type { Fact } from "../../../src/run/fact.ts";
import { issueBranch, type Sha } from "../../../src/run/identity.ts";
import type { RunLimits } from "../../../src/run/limits.ts";
import type { Outcome } from "../../../src/run/outcome.ts";
import type { Pins } from "../../../src/run/request.ts";
import type { Seen } from "../../../src/run/seen.ts";
import type { Ending, Run, Stand } from "../../../src/run/state.ts";
import type { Step } from "../../../src/run/step.ts";

/** GitHub, engine and git host as plain data, and the steps' effects on them, each a part of its own: between any two the App may be killed. */
export interface World {
  nowMs: number;
  github: {
    branches: Map<string, Sha>;
    commits: Map<Sha, { by: "run" | "person"; run?: string; work: boolean }>;
    checks: { run: string; sha: Sha; end?: Outcome }[];
    comments: { run: string; issue: number; end?: Told }[];
    pulls: { branch: string; number: number; head: Sha }[];
    /** Issues that bear the label that asks, and the one that stands in its place. */
    asking: Set<number>;
    working: Set<number>;
    tokens: Set<string>;
    /** Branch and commit. A run of a forgotten life whose branch a person has taken since is done again on another one. */
    pushed: string[];
  };
  boxes: Map<string, Box>;
  volumes: Set<string>;
  doors: Set<string>;
  /** Of each run's repository what its agent has pushed into it; "" for nothing yet. */
  repositories: Map<string, string>;
  limitedUntilMs: number;
  paused: boolean;
  made: number;
}

interface Told {
  outcome: Outcome;
  pull?: number;
  atMs: number;
}

interface Box {
  state: "created" | "running" | "exited";
  exitCode: number;
  /** How often it was given its job. */
  told: number;
}

interface Row {
  id: string;
  issue: number;
  createdAtMs: number;
  state: Run;
  facts: Fact[];
  /** The store knows by GitHub alone that it has ended. */
  recalled?: boolean;
}

/** What outlives the App's process, and may be put back to how it was. */
export interface Store {
  /** Deliveries that were carried out. */
  handled: Set<number>;
  /** Those that wait, and came by GitHub's log. */
  logged: Set<number>;
  rows: Map<string, Row>;
  commands: Map<string, Command[]>;
  tips: Map<Sha, string>;
  papers: Map<string, string>;
  uids: Map<string, number>;
  /** Live tokens, by whose they are. */
  ledger: Map<string, string>;
}

/** What a process knows and loses. */
interface Process {
  bornAtMs: number;
  watched: Set<string>;
  recalled: Set<string>;
  tended: Map<string, number>;
}

/** What is planted into the effects, to see that it is found. */
export interface Flaws {
  /** Makes things without looking whether they are there. */
  looksNot?: boolean;
  /** The same work becomes another commit each time that it is rebuilt. */
  rebuildsAnew?: boolean;
  /** The run's repository goes before GitHub is told of the end. */
  removesFirst?: boolean;
  /** The comment that tells the end is not the last that GitHub is told. */
  commentsFirst?: boolean;
  /** A work commit of a life that the store has forgotten counts as somebody else's. */
  knowsNoWork?: boolean;
  /** What was refused in a life that the store has forgotten is begun when it is found again. */
  forgetsRefusals?: boolean;
}

export interface Delivery {
  issue: number;
  asks: "run" | "stop" | "publish" | "discard";
  sentAtMs: number;
}

const limits = { attempts: 3, waitHours: 24, minutes: 60, stallMinutes: 600, loopCalls: 100 } as RunLimits;
const pins: Pins = { targetBranch: "main", baseSha: "0".repeat(40) as Sha };
const hourMs = 3_600_000;

export class Model {
  world: World = {
    ...{ nowMs: 1_000, boxes: new Map(), volumes: new Set(), doors: new Set(), repositories: new Map() },
    ...{ limitedUntilMs: 0, paused: false, made: 0 },
    github: {
      ...{ branches: new Map(), commits: new Map(), checks: [], comments: [], pulls: [] },
      ...{ asking: new Set(), working: new Set(), tokens: new Set(), pushed: [] },
    },
  };
  store: Store = freshStore();
  /** Earlier states of the store, oldest first. */
  backups: Store[] = [freshStore()];
  process: Process = newProcess(0);
  sent: Delivery[] = [];
  /** Lived on when the store forgot them: they die of age. */
  lostTokens = new Set<string>();
  forgot = false;
  /** What was asked for while another was at work there, and which one was. */
  refused = new Map<string, string>();
  readonly flaws: Flaws;

  constructor(flaws: Flaws = {}) {
    this.flaws = flaws;
  }

  // --- what happens

  send(issue: number, asks: Delivery["asks"]): void {
    const { asking } = this.world.github;
    // A label that is there cannot be set.
    if (asks === "run" && asking.has(issue)) return;
    if (asks === "run") asking.add(issue);
    this.world.nowMs += 1_000;
    this.sent.push({ issue, asks, sentAtMs: this.world.nowMs });
  }

  /** Handles the nth delivery, if it waits. `byLog`: it may have been done in a life that is forgotten. */
  deliver(nth: number, byLog = false): void {
    const which = nth % Math.max(1, this.sent.length);
    const delivery = this.sent[which];
    if (!delivery || this.store.handled.has(which)) return;
    this.store.handled.add(which);
    // As it is stored: what comes by another way in the meantime is the same delivery.
    const fromLog = byLog || this.store.logged.has(which);
    const { issue, asks, sentAtMs } = delivery;
    const cause = `label:${issue}:${sentAtMs}`;
    const id = `run-${issue}-${sentAtMs}`;
    const { rows, commands } = this.store;
    const active = [...rows.values()].find((row) => row.issue === issue && row.state.at !== "ended");
    const begunBefore = fromLog && this.world.github.comments.some(({ run, end }) => run === id && !end);
    // About to be found ended: what was asked for after that is not kept from it by a run that only the store holds for open.
    // And what people see begun goes on when the one that is in its place has ended.
    if (asks === "run" && active && active.id !== id && (this.endOf(active) || begunBefore)) {
      this.store.handled.delete(which);
      if (fromLog) this.store.logged.add(which);
      return;
    }
    if (asks === "run") {
      const comment = this.world.github.comments.find(({ run }) => run === id);
      const busyThen = fromLog && !comment ? this.busyThen(issue, sentAtMs) : undefined;
      const row: Row = { id, issue, createdAtMs: this.world.nowMs, state: { at: "accepted" }, facts: [] };
      if (fromLog && comment?.end)
        rows.set(cause, { ...row, state: { at: "ended", ending: { outcome: comment.end.outcome } }, recalled: true });
      else if (active) {
        if (active.id !== id && askedAtMs(active) <= sentAtMs) this.refused.set(id, active.id);
      } else if (busyThen !== undefined && !this.flaws.forgetsRefusals) this.refused.set(id, busyThen);
      else if (!rows.has(cause)) rows.set(cause, row);
    } else if (active && sentAtMs >= askedAtMs(active)) {
      const known = commands.get(active.id) ?? [];
      if (asks === "stop") commands.set(active.id, [...known, { kind: "stop", by: "ada", how: "label" }]);
      else if (active.state.at === "held")
        commands.set(active.id, [...known, { kind: asks, by: "ada", how: "cli", sha: active.state.rebuilt }]);
    }
    this.backUp();
  }

  /** kill -9, and the next start, which looks through GitHub's log. Here nothing new comes before it has. */
  restart(): void {
    this.world.nowMs += 1;
    this.process = newProcess(this.world.nowMs);
    for (const nth of this.sent.keys()) this.deliver(nth, true);
    this.sweep();
  }

  /** The store as it was, `back` changes ago, as after a power cut; Infinity: empty. What it forgets of tokens lives on until its hour ends. */
  forget(back: number): void {
    this.forgot = true;
    const kept = back === Number.POSITIVE_INFINITY ? 0 : Math.max(0, this.backups.length - 1 - back);
    const known = new Set(this.store.ledger.keys());
    this.store = structuredClone(this.backups[kept] as Store);
    this.backups.length = kept + 1;
    if (kept > 0) for (const at of [1, 2]) this.containerEnds(at, 255, "");
    for (const token of known)
      if (!this.store.ledger.has(token) && this.world.github.tokens.has(token)) this.lostTokens.add(token);
    this.restart();
  }

  containerEnds(issue: number, exitCode: number, work: string): void {
    for (const [run, box] of this.world.boxes) {
      if (!run.startsWith(`run-${issue}-`) || box.state !== "running" || box.told === 0) continue;
      // Its last push: through the door, if that is open.
      if (exitCode !== 137 && exitCode !== 255) this.agentPushes(run, work);
      this.world.boxes.set(run, { ...box, state: "exited", exitCode });
    }
  }

  agentPushes(run: string, work: string): void {
    if (work !== "" && this.world.doors.has(run) && this.world.repositories.has(run)) this.world.repositories.set(run, work);
  }

  personPushes(issue: number): void {
    const sha = this.newSha();
    this.world.github.commits.set(sha, { by: "person", work: true });
    this.world.github.branches.set(issueBranch(issue, 1), sha);
  }

  /** One look at the run of this issue that is open. `parts`: so many of the step's parts are done before the App, or only the step, is cut off. */
  pass(issue: number, cut?: { parts: number; kills: boolean }): Step | undefined {
    const row = [...this.store.rows.values()].find((each) => each.issue === issue && each.state.at !== "ended");
    if (!row) return undefined;
    const step = decide(row.state, this.observe(row), this.world.nowMs);
    const effects = this.perform(row, step);
    let left = cut?.parts ?? Number.POSITIVE_INFINITY;
    for (;;) {
      const { done, value } = effects.next();
      if (done) {
        // Done, and killed before it was written down.
        if (cut === undefined) this.append(row, value);
        break;
      }
      if (--left < 0) break;
    }
    if (cut?.kills) this.restart();
    return step;
  }

  private append(row: Row, fact: Fact | undefined): void {
    if (!fact) return;
    const next = evolve(row.state, fact);
    if (row.state.at === "ended" && next !== row.state) throw new Error("something changed after the end");
    row.state = next;
    row.facts.push(fact);
    if (fact.is === "recalled") row.recalled = true;
    if (!("slot" in next) || next.slot?.uid === undefined) this.store.uids.delete(row.id);
    this.backUp();
  }

  private backUp(): void {
    this.backups.push(structuredClone(this.store));
  }

  // --- what the App sees

  private observe(row: Row): Seen {
    const { world, process } = this;
    const commands = this.store.commands.get(row.id) ?? [];
    const stop = findStop(commands);
    const word = row.state.at === "held" ? findWord(commands.slice(row.state.heard ?? 0), row.state.rebuilt) : undefined;
    const box = world.boxes.get(row.id);
    const tended = process.tended.get(row.id);
    const ending: Ending = { outcome: "cancelled", reason: { code: "run.stopped", words: "Stopped." } };
    const forgotten = this.recall(row);
    return {
      ...(stop && { stop: ending }),
      ...(word && { word }),
      ...(forgotten && { forgotten }),
      ...(world.paused && { paused: { by: "ada", working: true } }),
      ...(world.limitedUntilMs > world.nowMs && { limitedUntilMs: world.limitedUntilMs }),
      slotFree: !world.paused && (this.store.uids.has(row.id) || this.store.uids.size < 1),
      sandbox: !box
        ? { state: "absent" }
        : box.state === "exited"
          ? { state: "exited", exitCode: box.exitCode, oomKilled: false }
          : { state: box.state },
      door: world.doors.has(row.id) ? "open" : "gone",
      ...(tended !== undefined && { upkept: { atMs: tended, failed: false } }),
      watched: process.watched.has(row.id),
      ...{ keyRefused: false, outputFull: false, reportDue: false },
    };
  }

  private recall(row: Row): Seen["forgotten"] {
    const { process, world } = this;
    if (process.recalled.has(row.id) || row.createdAtMs >= process.bornAtMs) return undefined;
    if (row.state.at === "closing") return undefined;
    const end = this.endOf(row);
    if (!end) process.recalled.add(row.id);
    const pull = world.github.pulls.find(({ number }) => number === end?.pull);
    return (
      end && { ending: { outcome: end.outcome }, ...(pull && { pullRequest: { number: pull.number, url: "", head: pull.head } }) }
    );
  }

  /** Which run was at work on this issue at that time, of those of which the store knows by GitHub alone that they have ended. */
  private busyThen(issue: number, sentAtMs: number): string | undefined {
    return [...this.store.rows.values()].find((row) => {
      const told = row.issue === issue && row.recalled ? this.endOf(row) : undefined;
      return told !== undefined && askedAtMs(row) <= sentAtMs && sentAtMs < told.atMs;
    })?.id;
  }

  private endOf(row: Row): Told | undefined {
    return this.world.github.comments.find(({ run }) => run === row.id)?.end;
  }

  // --- what it does

  private *perform(row: Row, step: Step): Generator<void, Fact | undefined> {
    const { world, store, process } = this;
    const { id } = row;
    const state = row.state as Run & { stand: Stand };
    switch (step.do) {
      case "wait":
      case "report":
      case "nudge":
      case "note-limit":
      case "end-input":
        return undefined;
      case "pin":
        return { is: "pinned", pins };
      case "announce": {
        const start = yield* this.ensureStart(row);
        yield* this.ensureCheck(row, start.sha);
        yield* this.ensureComment(row);
        world.github.working.add(row.issue);
        world.github.asking.delete(row.issue);
        return { is: "announced", stand: { ...start, checkRunId: 1, commentId: 1 } };
      }
      case "take-slot": {
        if (!store.uids.has(id) && store.uids.size >= 1) return undefined;
        store.uids.set(id, 7);
        this.backUp();
        yield;
        return { is: "slot-taken", slot: { uid: 7, limits } };
      }
      case "prepare":
        // Made anew: nobody has worked in it yet.
        world.repositories.set(id, "");
        yield;
        return { is: "prepared", promptBytes: 1, removed: [], limits };
      case "seal": {
        const goesOn = row.state.at === "sealing" && row.state.earlier !== undefined;
        world.boxes.delete(id);
        if (!goesOn) world.volumes.delete(id);
        yield;
        world.doors.add(id);
        yield;
        world.volumes.add(id);
        yield;
        if (!this.flaws.looksNot && world.boxes.has(id)) throw new Error("a container of that name is there");
        world.boxes.set(id, { state: "running", exitCode: 0, told: 0 });
        yield;
        return { is: "sealed", checks: [] };
      }
      case "launch":
        return yield* this.launch(row);
      case "watch":
        process.watched.add(id);
        return undefined;
      case "upkeep":
        yield* this.mint(id);
        world.doors.add(id);
        process.tended.set(id, world.nowMs);
        return undefined;
      case "ask-stop":
        return { is: "stop-asked", ending: step.ending };
      case "stop-sandbox": {
        this.endBox(id);
        yield;
        return { is: "stopped", exitCode: world.boxes.get(id)?.exitCode ?? 137 };
      }
      case "end-agent":
        return { is: "agent-ended", exitCode: step.exitCode, oomKilled: step.oomKilled };
      case "pause":
        return { is: "paused", pause: step.pause, atMs: world.nowMs };
      case "put-away":
        this.endBox(id);
        yield;
        world.doors.delete(id);
        process.watched.delete(id);
        process.tended.delete(id);
        yield;
        world.boxes.delete(id);
        yield;
        yield* this.ensureComment(row);
        yield* this.revoke(id);
        return { is: "put-away" };
      case "inspect":
        return yield* this.inspect(row);
      case "rest":
        yield* this.removeBox(id, { keepRepository: true });
        yield* this.ensureComment(row);
        yield* this.revoke(id);
        return { is: "rested" };
      case "release":
        return { is: "released", by: step.by };
      case "discard":
        return { is: "discarded", by: step.by };
      case "expire":
        return { is: "hold-expired" };
      case "push":
        return yield* this.push(row, step.rebuilt);
      case "present": {
        store.tips.set(step.head, id);
        yield;
        yield* this.ensureCheck(row, step.head);
        const pull = yield* this.ensurePull(state.stand.branch, step.head);
        return { is: "presented", pullRequest: { number: pull, url: "", head: step.head } };
      }
      case "fail":
        return { is: "failed", reason: { code: step.code, words: step.words } };
      case "recall": {
        const { do: _, ...end } = step;
        return { is: "recalled", ...end };
      }
      case "close":
        return yield* this.close(row);
    }
  }

  private *ensureStart(row: Row): Generator<void, Omit<Stand, "checkRunId" | "commentId">> {
    const { github } = this.world;
    let made: Sha | undefined;
    for (let nth = 1; ; nth++) {
      const branch = issueBranch(row.issue, nth);
      const tip = github.branches.get(branch);
      const commit = tip && github.commits.get(tip);
      if (tip && !this.flaws.looksNot) {
        const isStart = this.store.tips.get(tip) === row.id || (commit?.run === row.id && !commit.work);
        if (isStart) {
          this.store.tips.set(tip, row.id);
          yield;
          return { branch, sha: tip, startCommit: commit?.work !== true };
        }
        if (commit?.by === "run" && commit.run === row.id && !this.flaws.knowsNoWork) {
          this.store.tips.set(tip, row.id);
          yield;
          return { branch, sha: tip, startCommit: false };
        }
      }
      if (tip) continue;
      made ??= this.newSha();
      github.commits.set(made, { by: "run", run: row.id, work: false });
      yield;
      this.store.tips.set(made, row.id);
      yield;
      github.branches.set(branch, made);
      yield;
      return { branch, sha: made, startCommit: true };
    }
  }

  private *ensureCheck(row: Row, sha: Sha, end?: Outcome): Generator<void> {
    const { checks } = this.world.github;
    const known = this.flaws.looksNot ? undefined : checks.find((check) => check.run === row.id && check.sha === sha);
    if (known && end) known.end = end;
    if (!known) checks.push({ run: row.id, sha, ...(end && { end }) });
    yield;
  }

  private *ensureComment(row: Row, end?: { outcome: Outcome; pull?: number }): Generator<void> {
    const { comments } = this.world.github;
    const known = this.flaws.looksNot ? undefined : comments.find((comment) => comment.run === row.id);
    // Time passes until it is told; the same is not written again.
    const told = end && { ...end, atMs: known?.end?.atMs ?? ++this.world.nowMs };
    if (known && told) known.end = told;
    if (!known) comments.push({ run: row.id, issue: row.issue, ...(told && { end: told }) });
    yield;
  }

  private *ensurePull(branch: string, head: Sha): Generator<void, number> {
    const { pulls } = this.world.github;
    const known = this.flaws.looksNot ? undefined : pulls.find((pull) => pull.branch === branch);
    if (known) {
      known.head = head;
      yield;
      return known.number;
    }
    const number = 100 + pulls.length;
    pulls.push({ branch, number, head });
    yield;
    return number;
  }

  private *launch(row: Row): Generator<void, Fact> {
    const { world, store } = this;
    const run = row.state as Extract<Run, { at: "launching" }>;
    const nth = `${(run.earlier?.sandboxes ?? 0) + 1}`;
    const begun = store.papers.get(`${row.id} launched`) === nth;
    store.papers.set(`${row.id} launched`, nth);
    this.backUp();
    yield;
    const box = world.boxes.get(row.id);
    if (!box) throw new Error("nothing to launch");
    const heard = begun && box.told > 0 && !this.flaws.looksNot;
    if (!heard) world.boxes.set(row.id, { ...box, told: box.told + 1 });
    yield;
    const { nowMs } = world;
    return { is: "launched", atMs: nowMs, deadlineAtMs: nowMs + hourMs - (run.earlier?.workedMs ?? 0) };
  }

  private *inspect(row: Row): Generator<void, Fact> {
    const { world, store } = this;
    world.doors.delete(row.id);
    yield;
    const work = world.repositories.get(row.id);
    // As git says it of a repository that is not there: an error that nobody foresaw.
    if (work === undefined) return { is: "failed", reason: { code: "airlock.internal", words: "No repository." } };
    if (work === "") return { is: "nothing-made" };
    const rebuilt = this.flaws.rebuildsAnew ? this.newSha() : shaOf(`${row.id} ${work}`);
    world.github.commits.set(rebuilt, { by: "run", run: row.id, work: true });
    store.tips.set(rebuilt, row.id);
    yield;
    const made = { tip: shaOf(work), rebuilt, commits: 1, files: 1 };
    return work === "risky" ? { is: "held", ...made, why: [], untilMs: world.nowMs + 24 * hourMs } : { is: "inspected", ...made };
  }

  private *push(row: Row, rebuilt: Sha): Generator<void, Fact> {
    const { github } = this.world;
    const { stand } = row.state as Extract<Run, { at: "publishing" }>;
    yield* this.mint(row.id);
    const standing = github.branches.get(stand.branch);
    if (standing === rebuilt && !this.flaws.looksNot) return { is: "pushed", head: rebuilt };
    if (standing !== stand.sha && !(this.flaws.looksNot && standing === rebuilt))
      return { is: "work-refused", reason: { code: "publish.branch-moved", words: "Moved." } };
    github.branches.set(stand.branch, rebuilt);
    github.pushed.push(`${stand.branch} ${rebuilt}`);
    for (const pull of github.pulls) if (pull.branch === stand.branch) pull.head = rebuilt;
    yield;
    return { is: "pushed", head: rebuilt };
  }

  private *close(row: Row): Generator<void, Fact> {
    const { world, flaws } = this;
    const state = row.state as Extract<Run, { at: "closing" }>;
    const { stand, pullRequest, ending } = state;
    const told = { outcome: ending.outcome, ...(pullRequest && { pull: pullRequest.number }) };
    yield* this.removeBox(row.id, { keepRepository: !flaws.removesFirst });
    if (!state.told) {
      if (stand) yield* this.ensureCheck(row, stand.sha, ending.outcome);
      // Begun on a branch that somebody took in the same moment.
      for (const [sha, owner] of this.store.tips)
        if (stand && owner === row.id && world.github.commits.get(sha)?.work === false && sha !== stand.sha)
          yield* this.ensureCheck(row, sha, ending.outcome);
      if (pullRequest && pullRequest.head !== stand?.sha) yield* this.ensureCheck(row, pullRequest.head, ending.outcome);
      // Pushed in a life that is forgotten.
      const tip = stand && !pullRequest ? world.github.branches.get(stand.branch) : undefined;
      if (tip !== undefined && world.github.checks.some(({ run, sha }) => run === row.id && sha === tip))
        yield* this.ensureCheck(row, tip, ending.outcome);
      if (this.flaws.commentsFirst) yield* this.ensureComment(row, told);
      world.github.working.delete(row.issue);
      world.github.asking.delete(row.issue);
      yield;
      if (stand?.startCommit && !pullRequest && world.github.branches.get(stand.branch) === stand.sha)
        world.github.branches.delete(stand.branch);
      yield;
      if (!this.flaws.commentsFirst) yield* this.ensureComment(row, told);
    }
    world.repositories.delete(row.id);
    yield;
    yield* this.revoke(row.id);
    return { is: "closed" };
  }

  private *removeBox(id: string, { keepRepository }: { keepRepository: boolean }): Generator<void> {
    const { world, process } = this;
    world.doors.delete(id);
    process.watched.delete(id);
    process.tended.delete(id);
    yield;
    world.boxes.delete(id);
    yield;
    world.volumes.delete(id);
    yield;
    if (!keepRepository) world.repositories.delete(id);
    yield;
  }

  /** SIGTERM: what is there is committed and pushed. */
  private endBox(id: string): void {
    const box = this.world.boxes.get(id);
    if (box?.state !== "running") return;
    if (box.told > 0) this.agentPushes(id, this.world.repositories.get(id) || "half");
    this.world.boxes.set(id, { ...box, state: "exited", exitCode: 143 });
  }

  private *mint(id: string): Generator<void> {
    if ([...this.store.ledger.values()].includes(id)) return;
    const token = `token-${++this.world.made}`;
    this.world.github.tokens.add(token);
    this.store.ledger.set(token, id);
    this.backUp();
    yield;
  }

  private *revoke(id: string): Generator<void> {
    for (const [token, run] of this.store.ledger) {
      if (run !== id) continue;
      this.world.github.tokens.delete(token);
      yield;
      this.store.ledger.delete(token);
    }
  }

  /** What nobody owns any more, at each start. */
  private sweep(): void {
    const { world, store } = this;
    const living = new Set([...store.rows.values()].filter(({ state }) => state.at !== "ended").map(({ id }) => id));
    for (const things of [world.boxes, world.volumes, world.doors, world.repositories])
      for (const id of [...things.keys()]) if (!living.has(id)) things.delete(id);
    for (const [token, run] of [...store.ledger])
      if (!living.has(run)) {
        world.github.tokens.delete(token);
        store.ledger.delete(token);
      }
  }

  private newSha(): Sha {
    return shaOf(`made ${++this.world.made}`);
  }
}

const askedAtMs = ({ id }: Row) => Number(id.split("-")[2]);

function freshStore(): Store {
  return {
    handled: new Set(),
    logged: new Set(),
    rows: new Map(),
    commands: new Map(),
    tips: new Map(),
    papers: new Map(),
    uids: new Map(),
    ledger: new Map(),
  };
}

function newProcess(bornAtMs: number): Process {
  return { bornAtMs, watched: new Set(), recalled: new Set(), tended: new Map() };
}

/** A name of the right kind, and the same for the same. */
function shaOf(text: string): Sha {
  return Buffer.from(text).toString("hex").slice(-40).padStart(40, "0") as Sha;
}
