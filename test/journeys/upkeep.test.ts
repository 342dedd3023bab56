import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { findToken } from "../../src/local/github/tokens.ts";
import { findHealth } from "../../src/privilege/start.ts";
import { progressOf } from "../../src/reconcile/observe.ts";
import { readPlaceSettings } from "../../src/settings.ts";
import { findRun } from "../../src/store/queries/runs.ts";
import { controlFell } from "../helpers/control.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
let clock: { passMinutes(minutes: number): void };
beforeAll(async () => {
  // Before anything that keeps the clock's function.
  clock = takeClock();
  house = await openHouse({ limits: { minutes: 600, stallMinutes: 600 } });
}, 400_000);
afterAll(async () => {
  await house?.close();
  vi.restoreAllMocks();
});

/** Hours for the App and the local GitHub, which live in this process. The gateway's and the agent's clock stays. */
function takeClock(): { passMinutes(minutes: number): void } {
  const now = Date.now.bind(Date);
  let skewMs = 0;
  vi.spyOn(Date, "now").mockImplementation(() => now() + skewMs);
  return {
    passMinutes(minutes) {
      skewMs += minutes * 60_000;
    },
  };
}

const door = "http://127.0.0.1:8090";

describe("a run whose agent is silent for hours", { timeout: 180_000 }, () => {
  it("[46] reads GitHub all the time, over a gateway that was killed, and comes to its pull request", async () => {
    const { github, dataFolder } = house.local;
    const { runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
    // It says nothing while it reads its issue again and again; the issue's title tells it when to go on.
    const shell = [
      `at=${door}/repos/acme/shop/issues/$(curl -s ${door}/repos/acme/shop/issues | jq '.[0].number')`,
      "reads() { until curl -s -o /tmp/issue -w '%{http_code}\\n' $at >>$1; jq -r .title /tmp/issue | grep -q \"$2\"; do sleep 0.3; done; }",
      signOfLife,
      "reads /tmp/hours 'hours are over'",
      `curl -s -o /tmp/answer ${door}/hours-are-over`,
      "reads /tmp/killed 'go on'",
      "sort /tmp/hours | uniq -c | sed 's/^ */HOURS /'; tail -n 1 /tmp/killed | sed 's/^/LAST /'",
      "echo silent > silent.txt && git add -A && git commit -q -m 'Add silent.txt'",
    ].join("\n");
    const issue = await house.openIssue({ title: "Be silent", shell });
    await house.setLabel(issue);
    const { id } = await house.inShell(issue);
    const readers = async () => {
      const { grants } = await house.runsOf(issue).then(([run]) => run ?? Promise.reject(new Error("no run")));
      return grants.filter(({ duty }) => duty === "reader").length;
    };
    // No call may be under way when the clock jumps: no real one takes as long as that.
    const told = async () => {
      const { db, disk } = house.local.app;
      const row = await findRun(db, id);
      const parts = { db, disk, line: { priorityOf: () => 0 }, nowMs: Date.now };
      return row && (await progressOf(parts, row)) === row.reported;
    };
    const readTokens = () => [...github.world.tokens.values()].filter(({ permissions }) => permissions.actions === "read");
    const [first] = readTokens();
    if (!first) throw new Error("no token reads");
    for (let hour = 1; hour <= 4; hour++) {
      // Fifteen minutes of the hour are left, so it is replaced at the next look.
      clock.passMinutes(45);
      await until(`token ${hour + 1} of the reader`, async () => (await readers()) > hour);
      const asked = github.world.requests.length;
      await until("nothing to tell", told);
      await until("a read with it", () => github.world.requests.slice(asked).some(({ path }) => path.includes("/issues/")));
    }
    // What was lent at first, and never looked after again, would read nothing any more.
    controlFell(
      findToken(github.world, first.token) === undefined &&
        (await fetch(`${github.api}/repos/acme/shop`, { headers: { authorization: `token ${first.token}` } })).status === 401,
      "a token that nobody renewed is refused",
    );
    await house.ask("maintainer", "PATCH", `/issues/${issue}`, { title: "The hours are over" });
    await until("the agent to have seen it", async () => {
      const [run] = await house.runsOf(issue);
      return run?.evidence.rows.some(({ target }) => target === "/hours-are-over");
    });

    const socket = join(runtimeFolder, "gateway", "control.sock");
    const pid = (await findHealth(socket))?.pid;
    if (pid === undefined) throw new Error("no gateway answers");
    process.kill(pid, "SIGKILL");
    await until("another gateway", async () => ![undefined, pid].includes((await findHealth(socket))?.pid));
    const asked = github.world.requests.length;
    await until("a read through it", () => github.world.requests.slice(asked).some(({ path }) => path.includes("/issues/")));
    await house.ask("maintainer", "PATCH", `/issues/${issue}`, { title: "Now go on" });

    const run = await house.ended(issue);
    expect(run.id).toBe(id);
    expect(run.state).toMatchObject({ outcome: "succeeded" });
    const said = await house.transcriptOf(id);
    expect(new Set([...said.matchAll(/HOURS \d+ (\d+)/g)].map(([, status]) => status))).toEqual(new Set(["200"]));
    expect(said).toMatch(/LAST 200/);
    expect(run.pullRequest?.number).toBeGreaterThan(0);
  });
});
