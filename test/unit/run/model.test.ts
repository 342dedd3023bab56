import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Flaws, Model } from "./model-world.ts";

/** What may happen to two issues, a step's parts and the store between any two looks. */
type Event = fc.Command<object, Model>;

function event(words: string, happen: (model: Model) => void): Event {
  return {
    check: () => true,
    run: (_, model) => {
      happen(model);
      expectSafe(model);
    },
    toString: () => words,
  };
}

const issue = fc.constantFrom(1, 2);
const ask = fc.tuple(issue, fc.constantFrom("run", "run", "stop", "publish", "discard")).map(([at, asks]) =>
  event(`send ${asks} #${at}`, (model) => {
    model.send(at, asks);
    model.deliver(model.sent.length - 1);
  }),
);
const sendOnly = fc
  .tuple(issue, fc.constantFrom("run", "stop"))
  .map(([at, asks]) => event(`send ${asks} #${at}, not delivered`, (model) => model.send(at, asks)));
const deliver = fc
  .tuple(fc.nat(9), fc.boolean())
  .map(([nth, fromLog]) => event(`deliver ${nth}${fromLog ? " from the log" : ""}`, (model) => model.deliver(nth, fromLog)));
const passes = fc.tuple(issue, fc.integer({ min: 1, max: 8 })).map(([at, times]) =>
  event(`pass #${at} ${times} times`, (model) => {
    for (let n = 0; n < times; n++) {
      model.pass(at);
      expectSafe(model);
    }
  }),
);
const cutPass = fc
  .tuple(issue, fc.nat(9), fc.boolean())
  .map(([at, parts, kills]) =>
    event(`${kills ? "killed" : "failed"} after ${parts} parts, #${at}`, (model) => void model.pass(at, { parts, kills })),
  );
const ends = fc
  .tuple(issue, fc.constantFrom(0, 0, 0, 1, 137, 255), fc.constantFrom("", "work", "work", "risky"))
  .map(([at, exitCode, work]) =>
    event(`the container of #${at} ends: ${exitCode} ${work}`, (model) => model.containerEnds(at, exitCode, work)),
  );
const head = issue.map((at) => event(`a person pushes, #${at}`, (model) => model.personPushes(at)));
const limit = fc.constantFrom(20_000, 400_000, 200 * 3_600_000).map((spanMs) =>
  event(`limited for ${spanMs}`, (model) => {
    model.world.limitedUntilMs = model.world.nowMs + spanMs;
  }),
);
const pause = fc.boolean().map((paused) =>
  event(paused ? "paused" : "resumed", (model) => {
    model.world.paused = paused;
  }),
);
const time = fc.constantFrom(1_000, 60_000, 600_000, 3_600_000).map((spanMs) =>
  event(`${spanMs} ms`, (model) => {
    model.world.nowMs += spanMs;
  }),
);
const restart = fc.constant(event("restart", (model) => model.restart()));
const forget = fc
  .oneof(fc.nat(12), fc.constant(Number.POSITIVE_INFINITY))
  .map((back) => event(`the store forgets ${back}`, (model) => model.forget(back)));

// The usual way is likely, so that histories come far.
const history = fc.commands(
  [ask, passes, passes, passes, ends, ends, sendOnly, deliver, cutPass, cutPass, head, limit, pause, time, restart, forget],
  {
    maxCommands: 40,
    size: "max",
  },
);
const withoutForgetting = fc.commands([ask, passes, passes, ends, ends, deliver, cutPass, cutPass, time, restart], {
  maxCommands: 40,
  size: "max",
});

/** At any moment. */
function expectSafe({ world, store }: Model): void {
  const { github } = world;
  expectOnce(
    "check",
    github.checks.map(({ run, sha }) => `${run} ${sha}`),
  );
  expectOnce(
    "comment",
    github.comments.map(({ run }) => run),
  );
  expectOnce(
    "pull request",
    github.pulls.map(({ branch }) => branch),
  );
  expectOnce("push", github.pushed);
  for (const [run, box] of world.boxes) expect(box.told, `jobs told to ${run}`).toBeLessThan(2);
  const active = [...store.rows.values()].filter(({ state }) => state.at !== "ended").map((row) => `#${row.issue}`);
  expectOnce("open run", active);
}

function expectOnce(what: string, names: readonly string[]): void {
  expect(new Set(names).size, `${what}: ${names.join(", ")}`).toBe(names.length);
}

/** No more faults: what was sent is delivered, limits are lifted, agents end, and nobody is killed. */
function settle(model: Model): void {
  const { world } = model;
  world.paused = false;
  world.limitedUntilMs = 0;
  model.restart();
  for (let turn = 0; turn < 60; turn++) {
    // Ticks come back to what waits.
    for (const nth of model.sent.keys()) model.deliver(nth, true);
    for (const at of [1, 2]) {
      for (let steps = 0; ; steps++) {
        expect(steps, "steps without rest").toBeLessThan(60);
        const step = model.pass(at);
        expectSafe(model);
        if (step === undefined || step.do === "wait") break;
      }
      model.containerEnds(at, 0, "work");
    }
    // What waits for a word waits for a day.
    world.nowMs += 25 * 3_600_000;
    const isDone = [...model.store.rows.values()].every(({ state }) => state.at === "ended");
    if (isDone && model.store.handled.size === model.sent.length) break;
  }
  model.restart();
}

function expectEnded(model: Model): void {
  const { world, store, sent } = model;
  const { github } = world;
  for (const row of store.rows.values()) {
    const { id, state } = row;
    expect(state.at, id).toBe("ended");
    if (state.at !== "ended") continue;
    // The end that is told is the end.
    expect(github.comments.find(({ run }) => run === id)?.end?.outcome ?? state.ending.outcome).toBe(state.ending.outcome);
    // Of a check that the store has forgotten on a commit that people have pushed away, nobody can know.
    const tips = new Set(github.branches.values());
    for (const check of github.checks.filter(({ run, sha }) => run === id && (!model.forgot || tips.has(sha))))
      expect(check.end, `check of ${id} on ${check.sha}`).toBeDefined();
    expect(row.facts.filter(({ is }) => is === "closed").length).toBeLessThan(2);
  }
  // Refused for a run that a later life had to learn the end of, an ask is not begun in that life.
  const recalled = new Set([...store.rows.values()].flatMap((row) => (row.recalled ? row.id : [])));
  const begun = new Set([...store.rows.values()].map(({ id }) => id));
  expect([...model.refused].filter(([id, busyWith]) => begun.has(id) && recalled.has(busyWith))).toEqual([]);
  for (const { issue: at, sentAtMs } of sent.filter(({ asks }) => asks === "run")) {
    const runs = [...store.rows.values()].filter((row) => row.issue === at);
    expect(runs.length, `runs for #${at}, asked at ${sentAtMs}`).toBeGreaterThan(0);
  }
  for (const [what, left] of Object.entries({
    boxes: world.boxes,
    volumes: world.volumes,
    doors: world.doors,
    repositories: world.repositories,
  }))
    expect([...left.keys()], what).toEqual([]);
  expect([...github.tokens].filter((token) => !model.lostTokens.has(token))).toEqual([]);
  expect([...store.uids.keys()]).toEqual([]);
  expect([...github.working]).toEqual([]);
  for (const [branch, tip] of github.branches) {
    const commit = github.commits.get(tip);
    // What a person has pushed stands; of ours, only what was published. What a forgotten life had pushed is nobody's to take away.
    if (commit?.by === "run" && !(model.forgot && commit.work))
      expect(
        github.pulls.map((pull) => pull.branch),
        `${branch} at ${tip}`,
      ).toContain(branch);
  }
}

function holds(histories: typeof history, flaws: Flaws = {}) {
  return fc.property(histories, (events) => {
    const model = new Model(flaws);
    fc.modelRun(() => ({ model: {}, real: model }), events);
    settle(model);
    expectEnded(model);
  });
}

/** One run, cut off after so many looks and so many parts of the next step, with a store that then forgets its last `back` changes. */
function playForgetful(flaws: Flaws, at: { passes: number; parts: number; back: number }): void {
  const model = new Model(flaws);
  model.send(1, "run");
  model.restart();
  for (let nth = 0; nth < at.passes; nth++) {
    if (model.pass(1)?.do === "wait") model.containerEnds(1, 0, "work");
    expectSafe(model);
  }
  model.pass(1, { parts: at.parts, kills: true });
  model.forget(at.back);
  settle(model);
  expectEnded(model);
  expect(model.store.rows.size).toBe(1);
  expect(model.world.github.branches.size, "branches").toBe(1);
  for (const { state } of model.store.rows.values()) expect(state).toMatchObject({ ending: { outcome: "succeeded" } });
}

/** Every moment of a run and every amount that can be forgotten of it. */
function forgetEverywhere(flaws: Flaws = {}): void {
  for (let passes = 0; passes <= 14; passes++)
    for (let parts = 0; parts <= 9; parts++)
      for (const back of [0, 1, 2, 3, 4, 5, 6, 8, 10, 14, Number.POSITIVE_INFINITY])
        playForgetful(flaws, { passes, parts, back });
}

describe("runs among crashes, reordered deliveries, forgetful stores and other people", () => {
  it("each come to one end, leave nothing, and have no effect twice", { timeout: 600_000 }, () => {
    // The same each time, so that a red run has a cause in the change. AIRLOCK_MODEL_RUNS=20000 looks at as many others.
    const runs = Number(process.env.AIRLOCK_MODEL_RUNS ?? 0);
    fc.assert(holds(history), runs > 0 ? { numRuns: runs } : { numRuns: 1_000, seed: 2026 });
  });

  it("and the same falls where a step makes things without looking whether they are there", { timeout: 60_000 }, () => {
    expect(() => fc.assert(holds(withoutForgetting, { looksNot: true }), { numRuns: 1_000, endOnFailure: true })).toThrow(
      /failed/,
    );
  });

  it("comes to its one pull request whatever moment of it the store forgets", { timeout: 60_000 }, () => {
    forgetEverywhere();
  });

  it.each<[string, Flaws]>([
    ["the same work is rebuilt as another commit", { rebuildsAnew: true }],
    ["the repository goes before GitHub is told", { removesFirst: true }],
    ["the end is told before all else is told", { commentsFirst: true }],
    ["work of a forgotten life is taken for somebody else's", { knowsNoWork: true }],
  ])("and does not where %s", { timeout: 60_000 }, (_, flaws) => {
    expect(() => forgetEverywhere(flaws)).toThrow();
  });

  /** One ask is done, another refused meanwhile, a third begun; then the store forgets everything. */
  function forgetRefusal(flaws: Flaws): void {
    const model = new Model(flaws);
    const pass = (times: number) => {
      for (let n = 0; n < times; n++) model.pass(1);
    };
    const ask = () => {
      model.send(1, "run");
      model.deliver(model.sent.length - 1);
    };
    ask();
    pass(6);
    ask();
    expect(model.refused.size).toBe(1);
    model.containerEnds(1, 0, "work");
    pass(6);
    ask();
    pass(3);
    model.forget(Number.POSITIVE_INFINITY);
    settle(model);
    expectEnded(model);
    expect(model.world.github.pulls).toHaveLength(2);
  }

  it("does not begin what was refused in a life that is forgotten", () => {
    forgetRefusal({});
    expect(() => forgetRefusal({ forgetsRefusals: true })).toThrow();
  });
});
