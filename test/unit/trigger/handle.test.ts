import { pino } from "pino";
import { Probot } from "probot";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { handleDelivery } from "../../../src/delivery/handle.ts";
import { Fault } from "../../../src/fault.ts";
import type { Grants } from "../../../src/github/grant.ts";
import { commentMarker } from "../../../src/report/comment.ts";
import { printEndMark } from "../../../src/report/end-mark.ts";
import { commandsOf } from "../../../src/store/queries/commands.ts";
import { addDelivery, findWaitingDelivery } from "../../../src/store/queries/deliveries.ts";
import { putHome } from "../../../src/store/queries/homes.ts";
import { countLately, forgetMarks } from "../../../src/store/queries/marks.ts";
import { headMovedAfter } from "../../../src/store/queries/places.ts";
import { findActiveRun, findRun, type RunRow } from "../../../src/store/queries/runs.ts";
import { findStopTime } from "../../../src/store/queries/stops.ts";
import { loadTriggers } from "../../../src/trigger/app.ts";
import { httpError } from "../../helpers/http-error.ts";
import { examplePayload, type Payload } from "../../helpers/payloads.ts";
import { openTestStore, runId } from "../../helpers/store.ts";

const repositoryId = 186853002;
const person = 21031067;
let store: Awaited<ReturnType<typeof openTestStore>>;
let probot: Probot;
let calls: { name: string; body?: string }[] = [];
let permission = "write";
let personId = person;
let mintFails: unknown;
let lookFails: unknown;
let mintedFor: string[] = [];
let revokeFails: unknown;
let commentFails: unknown;
let comment: { id: number; body: string; user: { id: number } } | undefined;
/** What GitHub says to one more label, by the repository's name; undefined: it is made. */
let labelFails: (repo: string) => unknown;
let made = 0;
let deliveries = 0;

// GitHub as the doorman meets it: every call is noted and goes well.
const api = {
  paginate: {
    iterator: async function* () {
      yield { data: comment ? [comment] : [] };
    },
  },
  rest: new Proxy(
    {},
    {
      get: (_, group: string) =>
        new Proxy(
          {},
          {
            get:
              (__, name: string) => async (parameters: { body?: string; content?: string; username?: string; repo?: string }) => {
                if (name === "getCollaboratorPermissionLevel" && parameters.username === "stranger")
                  return { data: { permission: "read", user: { id: 99 } } };
                if (name === "getCollaboratorPermissionLevel") return { data: { permission, user: { id: personId } } };
                if (name === "createComment" && commentFails) throw commentFails;
                const labelFault = name === "createLabel" && labelFails(parameters.repo ?? "");
                if (labelFault) throw labelFault;
                calls.push({
                  name: `${group}.${name}`,
                  ...((parameters.body ?? parameters.content) && { body: parameters.body ?? parameters.content }),
                });
                return { data: { id: 1 } };
              },
          },
        ),
    },
  ),
};
const grants = {
  mint: async (_: unknown, scope: { repository: string }) => {
    mintedFor.push(scope.repository);
    if (mintFails) throw mintFails;
    return {
      api,
      token: "x",
      [Symbol.asyncDispose]: async () => {
        if (revokeFails) throw revokeFails;
      },
    };
  },
  look: async () => {
    if (lookFails) throw lookFails;
    return { archived: false };
  },
} as unknown as Grants;

beforeAll(async () => {
  store = await openTestStore();
  probot = new Probot({ appId: 1, privateKey: "unused", secret: "hush", log: pino({ level: "silent" }) as never });
  await probot.ready();
  const parts = {
    ...{
      db: store.db,
      queue: store.queue,
      disk: { full: () => undefined },
      line: { priorityOf: () => 0 },
      grants,
      accounts: ["codertocat"],
      releaseByOthers: false,
      botId: 4,
      nowMs: () => 5_000_000,
    },
    newRun: () => {
      const letters = [made / 26, made % 26].map((digit) => "abcdefghijklmnopqrstuvwxyz".charAt(Math.floor(digit)));
      return { id: runId(`trigger${letters.join("")}`), pageKey: `page-${made++}` };
    },
    pageUrl: (key: string) => `https://airlock.example/runs/${key}`,
  };
  await probot.load(loadTriggers(parts, () => {}));
}, 60_000);
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  [calls, permission, personId] = [[], "write", person];
  mintFails = revokeFails = commentFails = lookFails = comment = undefined;
  mintedFor = [];
  labelFails = () => undefined;
  await store.db
    .updateTable("runs")
    .set({ at: "ended", state: JSON.stringify({ at: "ended", ending: { outcome: "failed" } }) })
    .execute();
});

/** Has a delivery stored and handled; answers its note, or undefined where it still waits. */
async function deliver(
  event: string,
  payload: Payload,
  id = `d-${deliveries++}`,
  { fromLog = false } = {},
): Promise<string | undefined> {
  await addDelivery(store.db, store.queue, { id, event, payload, receivedAtMs: 4_000_000, fromLog });
  await handleDelivery({ db: store.db, probot, holder: "me", nowMs: () => 1_000_000 }, id).catch(() => {});
  const row = await store.db.selectFrom("deliveries").select(["state", "note"]).where("id", "=", id).executeTakeFirstOrThrow();
  return row.state === "handled" ? (row.note ?? "") : undefined;
}

let comments = 1_000;
function commented(body: string, change: (payload: Payload) => void = () => {}): Payload {
  const payload = examplePayload("issue_comment", "created");
  payload.comment.body = body;
  payload.comment.id = comments++;
  change(payload);
  return payload;
}

const active = async (): Promise<RunRow | undefined> => findActiveRun(store.db, repositoryId, 1);
/** What was written, without the mark by which it is found again. */
const said = (): (string | undefined)[] =>
  calls
    .filter(({ name }) => name === "issues.createComment")
    .map(({ body }) => body?.replace(/^<!-- airlock:[\w=:-]+ -->\n/, ""));

describe("what was found in GitHub's log", () => {
  it("[80] waits for what is older on the same issue, and on no other one", async () => {
    const ask = (issue: number) =>
      commented("/agent fix it", (payload) => {
        payload.issue.number = issue;
      });
    const older = { id: "older", event: "issue_comment", receivedAtMs: 3_999_999, fromLog: true };
    await addDelivery(store.db, store.queue, { ...older, payload: ask(1) });
    expect(await deliver("issue_comment", ask(1), "younger", { fromLog: true })).toBeUndefined();
    expect(await deliver("issue_comment", ask(2), "elsewhere", { fromLog: true })).toMatch(/^run /);
    expect(await deliver("issue_comment", ask(1), "by-webhook")).toMatch(/^run /);
    await store.db.deleteFrom("deliveries").where("id", "in", ["older", "younger"]).execute();
  });
});

describe("somebody with write access", () => {
  it("[73] gets a run, once, however often and under whatever id the request is delivered", async () => {
    const payload = commented("/agent fix it");
    const note = await deliver("issue_comment", payload);
    const run = await active();
    expect(note).toBe(`run ${run?.id}`);
    expect(await deliver("issue_comment", payload)).toBe(note);
    expect(calls).toEqual([{ name: "reactions.createForIssueComment", body: "eyes" }]);
  });

  it("[32] who asks again while a run is at work is told so", async () => {
    await deliver("issue_comment", commented("/agent fix it"));
    expect(await deliver("issue_comment", commented("/agent fix that"))).toMatch(/^busy with run/);
    expect(said()).toEqual([expect.stringContaining("at work here already")]);
  });

  it("waits with another run while GitHub shows that the one before it has ended, and the store not yet", async () => {
    await deliver("issue_comment", commented("/agent fix it"));
    const run = await active();
    if (!run) throw new Error("no run");
    const mark = printEndMark({ ending: { outcome: "succeeded" } });
    comment = { id: 1, body: `${commentMarker(run.id)}\nDone.\n\n${mark}`, user: { id: 4 } };
    const again = commented("/agent fix that");
    expect(await deliver("issue_comment", again, "soon")).toBeUndefined();
    expect(said()).toEqual([]);
    const ended = JSON.stringify({ at: "ended", ending: { outcome: "succeeded" } });
    await store.db.updateTable("runs").set({ at: "ended", state: ended }).where("id", "=", run.id).execute();
    expect(await deliver("issue_comment", again, "soon")).toMatch(/^run /);
  });

  it("can stop the run, and a stop from before the run was asked for does nothing", async () => {
    const early = commented("/agent stop", (payload) => {
      payload.comment.created_at = payload.comment.updated_at = "2019-05-15T15:00:00Z";
    });
    await deliver("issue_comment", commented("/agent fix it"));
    const run = await active();
    if (!run) throw new Error("no run");
    expect(await deliver("issue_comment", early)).toMatch(/^ignored/);
    expect(await commandsOf(store.db, run.id)).toEqual([]);
    expect(await deliver("issue_comment", commented("/agent stop"))).toBe(`asked run ${run.id} to stop`);
    expect(await commandsOf(store.db, run.id)).toEqual([{ kind: "stop", by: "Codertocat", how: "comment" }]);
  });

  it("is not begun that somebody stopped, though the stop was heard first; what is asked for after it is", async () => {
    const at = (time: string) => (payload: Payload) => {
      payload.comment.created_at = payload.comment.updated_at = time;
    };
    const stop = commented("/agent stop", at("2019-05-15T15:30:00Z"));
    expect(await deliver("issue_comment", stop)).toBe("no run to stop");
    // Older, and told of an older one, is no news.
    await deliver("issue_comment", commented("/agent stop", at("2019-05-15T15:00:00Z")));
    expect(await deliver("issue_comment", commented("/agent fix it", at("2019-05-15T15:29:59Z")))).toBe(
      "stopped before it was begun",
    );
    expect(await active()).toBeUndefined();
    expect(await deliver("issue_comment", commented("/agent fix it", at("2019-05-15T15:30:00Z")))).toMatch(/^run /);
    await forgetMarks(store.db, Date.parse("2019-05-19T15:29:59Z"));
    expect(await findStopTime(store.db, repositoryId, 1)).toBe(Date.parse("2019-05-15T15:30:00Z"));
    await forgetMarks(store.db, Date.parse("2019-05-19T15:30:01Z"));
    expect(await findStopTime(store.db, repositoryId, 1)).toBeUndefined();
  });

  it("is answered once, although the end of the handling failed and it is handled again", async () => {
    const payload = commented("/agent help");
    revokeFails = httpError(502);
    expect(await deliver("issue_comment", payload, "again")).toBeUndefined();
    expect(await deliver("issue_comment", payload, "again")).toBeUndefined();
    revokeFails = undefined;
    expect(await deliver("issue_comment", payload, "again")).toBe("answered help");
    expect(said()).toEqual([expect.stringContaining("/agent fix")]);
  });

  it("is answered later where GitHub would not take the answer now", async () => {
    const payload = commented("/agent status");
    commentFails = httpError(429);
    expect(await deliver("issue_comment", payload, "later")).toBeUndefined();
    commentFails = undefined;
    expect(await deliver("issue_comment", payload, "later")).toBe("answered status");
    expect(said()).toEqual(["No run is at work here."]);
  });
});

describe("somebody without it", () => {
  it.each(["read", "none"])("[26] and with %s access is refused, in words once and with a sign each time", async (level) => {
    permission = level;
    const change = (payload: Payload) => {
      payload.issue.number = level === "read" ? 50 : 51;
    };
    expect(await deliver("issue_comment", commented("/agent fix it", change))).toMatch(/^refused/);
    expect(await deliver("issue_comment", commented("/agent fix it", change))).toMatch(/^refused/);
    expect(calls.map(({ name }) => name)).toEqual([
      "reactions.createForIssueComment",
      "issues.createComment",
      "reactions.createForIssueComment",
    ]);
    expect(await active()).toBeUndefined();
  });

  it("is told so some times in an hour, and then not any more: what an App may write is all its runs'", async () => {
    permission = "read";
    for (let i = 0; i < 40; i++) {
      const change = (payload: Payload) => {
        payload.issue.number = 600 + i;
        payload.sender.id = payload.comment.user.id = 4_321;
      };
      personId = 4_321;
      expect(await deliver("issue_comment", commented("/agent fix it", change))).toMatch(/^refused/);
    }
    expect(calls.filter(({ name }) => name === "reactions.createForIssueComment")).toHaveLength(20);
    expect(said()).toHaveLength(20);
    const counted = (nowMs: number) => countLately(store.db, { name: "refused:186853002:4321", nowMs, spanMs: 3_600_000 });
    expect(await counted(8_600_000)).toBe(41);
    expect(await counted(8_600_001)).toBe(1);
    // A clock that was set back.
    expect(await counted(8_000_000)).toBe(1);
  });

  it("[72] whose login was somebody else's with write access is refused", async () => {
    personId = person + 1;
    expect(await deliver("issue_comment", commented("/agent fix it"))).toMatch(/^refused/);
  });

  it("[26] loses the label, and ends no run by closing or unlabelling", async () => {
    await deliver("issue_comment", commented("/agent fix it"));
    const run = await active();
    permission = "read";
    calls = [];
    const labeled = examplePayload("issues", "labeled");
    labeled.label.name = "agent";
    await deliver("issues", labeled);
    expect(calls.map(({ name }) => name)).toContain("issues.removeLabel");
    const closed = { ...structuredClone(labeled), action: "closed" };
    closed.issue.updated_at = "2020-01-01T00:00:00Z";
    expect(await deliver("issues", closed)).toMatch(/^ignored/);
    expect(run && (await commandsOf(store.db, run.id))).toEqual([]);
  });

  it("that is, whose account is not served, gets no token minted and no word", async () => {
    mintFails = new Error("must not be asked");
    const payload = commented("/agent fix it", (it) => {
      it.repository.owner.login = "mallory";
    });
    expect(await deliver("issue_comment", payload)).toMatch(/^ignored: mallory/);
    expect(calls).toEqual([]);
  });
});

describe("a delivery that cannot be handled", () => {
  it.each<[string, unknown]>([
    ["GitHub is away", new Fault("github.away", "x", { remedy: "y" })],
    ["GitHub limits us", httpError(429)],
    ["something unforeseen happened", new TypeError("x")],
  ])("waits where %s", async (_, error) => {
    mintFails = error;
    expect(await deliver("issue_comment", commented("/agent fix it"))).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    [
      "the App lacks a permission",
      new Fault("grant.permission-missing", "Lacks Issues", { remedy: "y" }),
      "grant.permission-missing: Lacks Issues",
    ],
    ["the installation is gone", new Fault("grant.refused", "Not Found", { remedy: "y" }), "grant.refused: Not Found"],
    ["GitHub refuses for good", httpError(410, { message: "Gone" }), "GitHub answered 410: Gone"],
  ])("is put away with the reason where %s: trying for ever would only ask for tokens", async (_, error, words) => {
    mintFails = error;
    expect(await deliver("issue_comment", commented("/agent fix it"))).toBe(`given up: ${words}`);
  });

  it("is handled as far as it goes where the token could not be revoked either", async () => {
    permission = "write";
    commentFails = httpError(410, { message: "Gone" });
    revokeFails = httpError(502);
    expect(await deliver("issue_comment", commented("/agent help"))).toBe("given up: GitHub answered 410: Gone");
  });
});

describe("a press of re-run", () => {
  const press = (run: string, change: (payload: Payload) => void = () => {}): Payload => {
    const payload = examplePayload("check_run", "rerequested");
    const { repository, sender } = examplePayload("issue_comment", "created");
    Object.assign(payload, { repository, sender });
    payload.check_run.external_id = run;
    change(payload);
    return payload;
  };
  let former: RunRow;
  beforeEach(async () => {
    await deliver("issue_comment", commented("/agent fix it"));
    const run = await active();
    if (!run) throw new Error("no run");
    former = run;
    await store.db
      .updateTable("runs")
      .set({ at: "ended", state: JSON.stringify({ at: "ended", ending: { outcome: "failed" } }) })
      .execute();
    calls = [];
  });

  it("makes a new run of what was asked then, for the one who pressed, under today's names and installation", async () => {
    const payload = press(former.id, (it) => {
      it.installation = { id: 88 };
      it.repository.name = "Renamed";
      it.sender.id = personId = 5;
    });
    const note = await deliver("check_run", payload);
    const run = await active();
    expect(note).toBe(`run ${run?.id}`);
    expect(run?.request).toEqual({
      ...former.request,
      installationId: 88,
      name: "Renamed",
      requester: { id: 5, login: "Codertocat" },
      // With what the command had asked for beside the issue.
      cause: { kind: "rerun", checkRunId: 4, instructions: "it" },
      // When the delivery came, not when it was handled: what was pushed in between was not looked at.
      askedAtMs: 4_000_000,
    });
    expect(await deliver("check_run", payload)).toBe("not run again: duplicate");
  });

  it("is not begun that somebody stopped meanwhile", async () => {
    const stop = commented("/agent stop", (it) => {
      it.comment.created_at = it.comment.updated_at = new Date(5_000_000).toISOString();
    });
    await deliver("issue_comment", stop);
    expect(await deliver("check_run", press(former.id))).toBe("stopped before it was begun");
    expect(await active()).toBeUndefined();
    await forgetMarks(store.db, 5_000_000 + 5 * 86_400_000);
  });

  it("takes the instructions along from one to the next", async () => {
    await deliver("check_run", press(former.id));
    const second = await active();
    if (!second) throw new Error("no run");
    await store.db
      .updateTable("runs")
      .set({ at: "ended", state: JSON.stringify({ at: "ended", ending: { outcome: "failed" } }) })
      .execute();
    await deliver("check_run", press(second.id));
    expect((await active())?.request.cause).toMatchObject({ kind: "rerun", instructions: "it" });
  });

  it("[80] found in GitHub's log, of a run that has ended in a life that the store has forgotten, makes no second one", async () => {
    const id = runId(`trigger${"abcdefghijklmnopqrstuvwxyz".charAt(made / 26)}${"abcdefghijklmnopqrstuvwxyz".charAt(made % 26)}`);
    const mark = printEndMark({ ending: { outcome: "succeeded" } });
    comment = { id: 1, body: `${commentMarker(id)}\nDone.\n\n${mark}`, user: { id: 4 } };
    expect(await deliver("check_run", press(former.id), "from-log", { fromLog: true })).toBe(`run ${id}`);
    expect(await active()).toBeUndefined();
    expect((await findRun(store.db, id))?.state).toMatchObject({ at: "ended", ending: { outcome: "succeeded" } });
  });

  it("[31] is nothing for somebody demoted since", async () => {
    permission = "read";
    expect(await deliver("check_run", press(former.id))).toMatch(/^refused/);
    expect(await active()).toBeUndefined();
  });

  it.each<[string, (payload: Payload) => void]>([
    ["of no run of ours", (it) => (it.check_run.external_id = "zzzzzzzzzzzzzzzz")],
    ["of something that is no run's id", (it) => (it.check_run.external_id = "' or 1=1 --")],
    ["without an id", (it) => (it.check_run.external_id = null)],
    ["in another repository", (it) => (it.repository.id = 4)],
  ])("%s is nothing", async (_, change) => {
    expect(await deliver("check_run", press(former.id, change))).toMatch(/^ignored/);
    expect(await active()).toBeUndefined();
  });

  it("is nothing while that run is at work", async () => {
    await store.db
      .updateTable("runs")
      .set({ at: "accepted", state: JSON.stringify({ at: "accepted" }) })
      .where("id", "=", former.id)
      .execute();
    expect(await deliver("check_run", press(former.id))).toMatch(/^ignored/);
    expect(await findRun(store.db, former.id)).toMatchObject({ state: { at: "accepted" } });
  });
});

describe("a push to a pull request", () => {
  it("is remembered with its time, without any token", async () => {
    mintFails = new Error("must not be asked");
    const payload = examplePayload("pull_request", "synchronize");
    const { number, updated_at } = payload.pull_request;
    await deliver("pull_request", payload);
    const atMs = Date.parse(updated_at);
    expect(await headMovedAfter(store.db, payload.repository.id, number, atMs - 1)).toBe(true);
    expect(await headMovedAfter(store.db, payload.repository.id, number, atMs)).toBe(false);
    expect(await headMovedAfter(store.db, payload.repository.id, number + 1, atMs - 1)).toBe(false);
  });

  it("that was handled is not waiting any more", async () => {
    await deliver("pull_request", examplePayload("pull_request", "opened"), "opened");
    expect(await findWaitingDelivery(store.db, "opened")).toBeUndefined();
  });
});

describe("a text that somebody changed shortly before it was asked for", () => {
  const edit = (issueAt: string, change: (payload: Payload) => void = () => {}) => {
    const payload = examplePayload("issues", "edited");
    payload.issue.updated_at = issueAt;
    payload.changes = { body: { from: "what was read" } };
    payload.sender = { ...payload.sender, id: 99, login: "stranger", type: "User" };
    change(payload);
    return payload;
  };
  const label = (at: string, body: string) => {
    const payload = examplePayload("issues", "labeled");
    payload.label.name = "agent";
    payload.issue.updated_at = at;
    payload.issue.body = body;
    return payload;
  };

  it("[28] by one without write access is shown, and run only when it is asked for again as it was shown", async () => {
    expect(await deliver("issues", edit("2026-01-01T10:00:00Z"))).toBe("noted who changed the issue's text");
    const asked = label("2026-01-01T10:00:20Z", "do @evil\n```\nthings");
    expect(await deliver("issues", asked)).toBe("asked again: stranger changed the issue shortly before");
    expect(await active()).toBeUndefined();
    expect(said()).toHaveLength(1);
    expect(said()[0]).toContain("\n    do @evil\n    ```\n    things");
    expect(calls.map(({ name }) => name)).toContain("issues.removeLabel");
    // The same request under another delivery id, and after a crash: the same answer, and no second comment.
    expect(await deliver("issues", asked)).toContain("asked again");
    expect(said()).toHaveLength(1);

    // Changed once more after it was shown: shown anew.
    await deliver("issues", edit("2026-01-01T10:00:40Z"));
    expect(await deliver("issues", label("2026-01-01T10:00:50Z", "do worse"))).toContain("asked again");
    expect(said()).toHaveLength(2);
    // As it was shown.
    expect(await deliver("issues", label("2026-01-01T10:01:00Z", "do worse"))).toMatch(/^run /);
  });

  it("[28] by a bot is shown as well", async () => {
    const at = "2026-01-02T10:00:00Z";
    await deliver(
      "issues",
      edit(at, (payload) => Object.assign(payload.sender, { login: "some[bot]", type: "Bot" })),
    );
    expect(await deliver("issues", label("2026-01-02T10:00:05Z", "bot's"))).toContain("asked again: some[bot]");
  });

  it("is run at once where a writer changed it, or a stranger long ago, after it, or only its labels: the controls", async () => {
    await deliver(
      "issues",
      edit("2026-01-03T10:00:00Z", (payload) => Object.assign(payload.sender, { id: person, login: "Codertocat" })),
    );
    await deliver("issues", edit("2026-01-03T09:00:00Z"));
    await deliver("issues", edit("2026-01-03T10:00:30Z"));
    await deliver(
      "issues",
      edit("2026-01-03T10:00:10Z", (payload) => Object.assign(payload, { changes: {} })),
    );
    expect(await deliver("issues", label("2026-01-03T10:00:20Z", "reviewed"))).toMatch(/^run /);
  });
});

describe("what is done to a repository that a run works on", () => {
  const removed = () => {
    const payload = examplePayload("installation_repositories", "removed");
    payload.installation.id = 77;
    return payload;
  };
  const gone = new Fault("grant.repository-gone", "The App does not reach it any more", { remedy: "Add it" });

  it("ends its run with who did what, where GitHub says that it is out of reach", async () => {
    await deliver("issue_comment", commented("/agent fix it"));
    const run = await active();
    lookFails = gone;
    expect(await deliver("installation_repositories", removed())).toBe("removed: 1 of 1 runs asked to end");
    expect(run && (await commandsOf(store.db, run.id))).toMatchObject([
      { kind: "stop", how: "github", by: "octocat", reason: { words: expect.stringContaining("octocat took") } },
    ]);
  });

  it("ends nothing where GitHub says that it is there, or does not say", async () => {
    await deliver("issue_comment", commented("/agent fix it"));
    const run = await active();
    expect(await deliver("installation_repositories", removed())).toBe("removed: 0 of 1 runs asked to end");
    lookFails = new Fault("github.away", "No answer", { remedy: "Wait" });
    expect(await deliver("installation_repositories", removed())).toBeUndefined();
    expect(run && (await commandsOf(store.db, run.id))).toEqual([]);
  });

  it("ends no run of another installation or repository", async () => {
    await deliver("issue_comment", commented("/agent fix it"));
    lookFails = gone;
    const elsewhere = removed();
    elsewhere.installation.id = 78;
    expect(await deliver("installation_repositories", elsewhere)).toBe("removed: 0 of 0 runs asked to end");
    expect(await deliver("repository", { ...examplePayload("repository", "renamed"), action: "deleted" })).toMatch(
      /of [01] runs/,
    );
  });
});

describe("a delivery from before its repository was renamed", () => {
  it("is carried out under the new name", async () => {
    const home = { repositoryId, installationId: 79, accountId: person, owner: "Codertocat", name: "Hello-There" };
    await putHome(store.db, { ...home, atMs: 1 });
    try {
      await deliver("issue_comment", commented("/agent fix it"));
      expect(mintedFor).toEqual(["Codertocat/Hello-There"]);
      expect((await active())?.request).toMatchObject({ name: "Hello-There", installationId: 79 });
      await deliver("installation_repositories", withRepository(examplePayload("installation_repositories", "added")));
      expect(mintedFor.at(-1)).toBe("Codertocat/Hello-There");
    } finally {
      await store.db.deleteFrom("homes").execute();
    }
  });

  function withRepository(payload: Payload): Payload {
    payload.installation.account = { id: person, login: "Codertocat", type: "User" };
    payload.repositories_added = [{ id: repositoryId, full_name: "Codertocat/Hello-World" }];
    return payload;
  }
});

describe("repositories that the App is installed on", () => {
  const added = (...names: string[]): Payload => {
    const payload = examplePayload("installation_repositories", "added");
    payload.installation.account = { id: person, login: "Codertocat", type: "User" };
    payload.repositories_added = names.map((name, i) => ({ id: 700 + i, full_name: `Codertocat/${name}` }));
    return payload;
  };
  const labelled = () => calls.filter(({ name }) => name === "issues.createLabel").length;

  it("get their labels, though one of them is archived; delivered again, that one alone is tried", async () => {
    labelFails = (repo) => repo === "old" && httpError(403, { message: "Repository was archived so is read-only." });
    const payload = added("a", "old", "b");
    const note = await deliver("installation_repositories", payload, "added");
    expect(note).toBe("given up: GitHub answered 403: Repository was archived so is read-only.");
    expect(mintedFor).toEqual(["Codertocat/a", "Codertocat/old", "Codertocat/b"]);
    expect(labelled()).toBe(4);
    labelFails = () => undefined;
    mintedFor = [];
    expect(await deliver("installation_repositories", payload, "added")).toBe("prepared 3 repositories");
    expect(mintedFor).toEqual(["Codertocat/old"]);
  });

  it("get them all in the end, where they are more than GitHub lets an App label in a minute", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `r${i}`);
    let room = 0;
    labelFails = () => (room-- > 0 ? undefined : httpError(429));
    let attempts = 0;
    let note: string | undefined;
    for (; note === undefined && attempts < 10; attempts++) {
      room = 72;
      note = await deliver("installation_repositories", added(...names), "many");
    }
    expect([note, attempts]).toEqual(["prepared 100 repositories", 3]);
    const left = await store.db.selectFrom("marks").select("name").where("name", "like", "prepared:%").execute();
    expect(left).toEqual([]);
  });
});
