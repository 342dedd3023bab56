import { setTimeout as wait } from "node:timers/promises";
import { createDeck, type Deck } from "./deck.ts";
import { createDice, type Dice } from "./dice.ts";
import { judge, type Kill, type Verdict } from "./judge.ts";
import { observeEnd, observeRuns } from "./observe-end.ts";
import { nameOf, type Point, points } from "./points.ts";
import { openStage, type Stage, type StageWish } from "./stage.ts";
import type { Victim } from "./victims.ts";

export interface ChaosWish extends StageWish {
  kills: number;
  onLine: (line: string) => void;
  signal: AbortSignal;
}

/** Real processes under a stream of requests, killed again and again. Answers what came of every request in the end. */
export async function runChaos(wish: ChaosWish): Promise<Verdict> {
  await using stage = await openStage(wish);
  const { app, jobs, armed, victims } = stage;
  const deck = createDeck(createDice(wish.seed), reachablePoints(wish));
  const kills: Kill[] = [];
  let startMs = 3_000;
  while (kills.length < wish.kills) {
    wish.signal.throwIfAborted();
    // Of its own for each kill, so that what chance decided before moves none of those that follow.
    const dice = createDice(wish.seed * 1_000_003 + kills.length);
    while (jobs.all.length < wish.kills + wish.atOnce && (await jobs.open()).length < wish.atOnce) {
      await jobs.askOne();
      // Each request a little later than the last: at any moment runs stand at different places.
      await wait(dice.span(0, 600));
    }
    const met = await killOnce({ stage, dice, deck, victims, startMs });
    kills.push(met.kill);
    startMs = met.startMs;
    wish.onLine(`kill ${kills.length}/${wish.kills}: ${met.kill.what}; ${jobs.all.length} asked`);
  }
  armed.disarm();
  await jobs.settled();
  if (!app.isUp()) await app.start();
  wish.onLine("waiting for the runs to end");
  await observeRuns(jobs, 240_000);
  const seen = await observeEnd(stage);
  const verdict = judge({ ...seen, jobs: jobs.all, kills });
  tellCoverage(wish, { verdict, kills, passed: armed.passed(), unnamed: armed.unnamed() });
  return verdict;
}

/** One kill, and what is needed for things to go on. */
async function killOnce(of: {
  stage: Stage;
  dice: Dice;
  deck: Deck<Point>;
  victims: readonly Victim[];
  /** How long the last start took. A machine that is slow just now is given more time between kills, or nothing but starts would be killed. */
  startMs: number;
}): Promise<{ kill: Kill; startMs: number }> {
  const { stage, dice, deck, victims, startMs } = of;
  const { app, armed } = stage;
  const victim = pickVictim(victims, dice);
  const atPoint = dice.roll() < 0.55;
  const drops = dice.roll() < 0.5;
  const afterMs = dice.span(0, (victim.takesApp ? 2.5 : 1) * startMs);
  const restMs = dice.roll() < 0.3 ? dice.span(0, 3_000) : 0;
  const killsStart = victim.name === "app" && dice.roll() < 0.15;
  const startedForMs = dice.span(100, startMs);

  const point = atPoint ? deck.draw(({ side }) => victim.sides.includes(side)) : undefined;
  let met: string | undefined;
  let passed = false;
  let atMs = 0;
  if (point) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    armed.arm(point, async () => {
      passed = true;
      atMs = Date.now();
      met = await victim.kill(dice).catch((error: unknown) => {
        reject(error);
        return undefined;
      });
      resolve();
      // Whoever asks is dead: what was on its way may have got there, or not.
      return drops && victim.takesApp === true ? "drop" : "pass";
    });
    const missed = new AbortController();
    await Promise.race([promise, wait(3 * startMs, undefined, { signal: missed.signal }).catch(() => {})]);
    missed.abort();
    armed.disarm();
    if (passed) await promise;
  } else await wait(afterMs);
  if (!passed) {
    atMs = Date.now();
    met = await victim.kill(dice);
  }
  const when = point ? `${passed ? "" : "missed "}${nameOf(point)}` : `${afterMs} ms after the last`;
  let what = `${victim.name}${met === undefined ? " (none)" : met === "" ? "" : ` ${met}`}, ${when}`;
  await wait(restMs);
  await victim.mend?.(dice);
  const kill = (): Kill => ({
    ...{ atMs, what, victim: victim.name, vain: met === undefined },
    ...(point && passed && { point: nameOf(point) }),
  });
  if (!victim.takesApp) return { kill: kill(), startMs };
  // Some of the starts are killed as well, before they have come up.
  if (killsStart) {
    const starting = app.start();
    await wait(startedForMs);
    await app.kill();
    await starting;
    what += ", and while it started again";
  }
  const fromMs = Date.now();
  await app.start();
  return { kill: kill(), startMs: Math.max(1_500, Date.now() - fromMs) };
}

function pickVictim(victims: readonly Victim[], dice: Dice): Victim {
  let left = dice.roll() * victims.reduce((sum, { weight }) => sum + weight, 0);
  for (const victim of victims) {
    left -= victim.weight;
    if (left < 0) return victim;
  }
  return victims[0] as Victim;
}

/** By which a run can be judged: who was killed, at what stage of the runs, at which points; and which points nothing came by. */
function tellCoverage(
  { onLine, store }: ChaosWish,
  of: { verdict: Verdict; kills: readonly Kill[]; passed: ReadonlyMap<Point, number>; unnamed: readonly string[] },
): void {
  const countOf = (names: readonly string[]) =>
    Object.entries(Object.groupBy(names, (name) => name))
      .map(([name, all = []]) => `${name} ${all.length}`)
      .join(", ");
  onLine(`killed: ${countOf(of.kills.map(({ victim, vain }) => (vain ? `no ${victim}` : victim)))}`);
  onLine(
    `runs met at: ${Object.entries(of.verdict.stages)
      .map(([at, times]) => `${at} ${times}`)
      .join(", ")}`,
  );
  onLine(`at points: ${countOf(of.kills.flatMap(({ point }) => point ?? []).sort())}`);
  const reachable = points.filter(({ side }) => side !== "database" || store === "postgres");
  onLine(
    `points passed by nothing: ${
      reachable
        .filter((point) => !of.passed.has(point))
        .map(nameOf)
        .join(", ") || "none"
    }`,
  );
  onLine(`changes without a point: ${of.unnamed.join(", ") || "none"}`);
}

/** The embedded store makes no calls: only chance meets it. */
function reachablePoints({ store }: Pick<ChaosWish, "store">): readonly Point[] {
  return points.filter(({ side }) => side !== "database" || store === "postgres");
}
