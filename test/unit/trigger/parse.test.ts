import { describe, expect, it } from "vitest";
import { parseTrigger } from "../../../src/trigger/parse.ts";
import { examplePayload, type Payload } from "../../helpers/payloads.ts";

const person = { id: 21031067, login: "Codertocat", type: "User" };

function labeled(change: (payload: Payload) => void = () => {}): Payload {
  const payload = examplePayload("issues", "labeled");
  payload.label.name = "agent";
  change(payload);
  return payload;
}

function commented(body: string, change: (payload: Payload) => void = () => {}): Payload {
  const payload = examplePayload("issue_comment", "created");
  payload.comment.body = body;
  change(payload);
  return payload;
}

describe("the label on an issue", () => {
  it("asks for a run with the title, the body and the person of the signed payload", () => {
    expect(parseTrigger("issues", labeled())).toMatchObject({
      kind: "run",
      causeKey: "label:444500041:2019-05-15T15:20:18Z",
      asked: { installationId: 77, repositoryId: 186853002, commentId: undefined },
      request: {
        owner: "Codertocat",
        name: "Hello-World",
        subject: { kind: "issue", number: 1 },
        requester: { id: person.id, login: person.login },
        cause: { kind: "label", label: "agent" },
        askedAtMs: Date.parse("2019-05-15T15:20:18Z"),
        title: "Spelling error in the README file",
      },
    });
  });

  it("means one cause under whatever delivery id it comes, and another when it is set again", () => {
    const again = labeled((payload) => {
      payload.issue.updated_at = "2019-05-15T16:00:00Z";
    });
    const keys = [labeled(), labeled(), again].map(
      (payload) => (parseTrigger("issues", payload) as { causeKey: string }).causeKey,
    );
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  it("is found whatever case the repository gave it, as GitHub keeps one label of a name", () => {
    const payload = labeled((it) => {
      it.label.name = "Agent";
    });
    expect(parseTrigger("issues", payload).kind).toBe("run");
  });

  it.each([
    ["is another", (p: Payload) => (p.label.name = "agents")],
    ["looks alike", (p: Payload) => (p.label.name = "\u0430gent")],
    ["is set by a bot, such as ourselves", (p: Payload) => (p.sender = { id: 5, login: "airlock[bot]", type: "Bot" })],
    ["is set by an App with a person's name", (p: Payload) => (p.sender.type = "Bot")],
    ["stands on a closed issue", (p: Payload) => (p.issue.state = "closed")],
    ["stands on a pull request", (p: Payload) => (p.issue.pull_request = {})],
    ["is taken away", (p: Payload) => (p.action = "unlabeled")],
    ["is edited", (p: Payload) => (p.action = "edited")],
    ["comes without an installation", (p: Payload) => delete p.installation],
    ["comes without a repository", (p: Payload) => delete p.repository],
  ])("asks for nothing where it %s", (_, change) => {
    expect(parseTrigger("issues", labeled(change)).kind).toBe("ignored");
  });

  it("that shows the run at work stops it when a person takes it away, and not when we do", () => {
    const payload = labeled((it) => {
      it.action = "unlabeled";
      it.label.name = "agent: working";
    });
    expect(parseTrigger("issues", payload)).toMatchObject({
      kind: "stop",
      how: "label",
      atMs: Date.parse("2019-05-15T15:20:18Z"),
    });
    payload.sender.type = "Bot";
    expect(parseTrigger("issues", payload).kind).toBe("ignored");
  });
});

describe("a comment", () => {
  it("asks for a run with its instructions, as of the second when it was written", () => {
    expect(parseTrigger("issue_comment", commented("/agent fix the typo\r\nin the title"))).toMatchObject({
      kind: "run",
      causeKey: "comment:492700400",
      asked: { commentId: 492700400, requester: { id: person.id } },
      request: {
        cause: { kind: "command", commentId: 492700400, instructions: "the typo\nin the title" },
        askedAtMs: Date.parse("2019-05-15T15:20:21Z"),
      },
    });
  });

  it("on a pull request asks for that pull request", () => {
    const payload = commented("/agent fix", (it) => {
      it.issue.pull_request = { url: "https://api.github.com/pulls/1" };
    });
    expect(parseTrigger("issue_comment", payload)).toMatchObject({ request: { subject: { kind: "pull", number: 1 } } });
  });

  it.each([
    ["/agent stop", { kind: "stop", how: "comment", atMs: Date.parse("2019-05-15T15:20:21Z") }],
    ["/agent status", { kind: "answer", command: "status" }],
    ["/agent help", { kind: "answer", command: "help" }],
    ["/agent dance", { kind: "answer", command: "unknown", word: "dance" }],
  ])("%s asks for that", (body, wanted) => {
    expect(parseTrigger("issue_comment", commented(body))).toMatchObject(wanted);
  });

  it.each([
    ["quotes the command", (p: Payload) => (p.comment.body = "> /agent fix")],
    ["shows it as code", (p: Payload) => (p.comment.body = "```\n/agent fix\n```")],
    ["was edited into one", (p: Payload) => (p.action = "edited")],
    ["was deleted", (p: Payload) => (p.action = "deleted")],
    ["is empty", (p: Payload) => (p.comment.body = null)],
    ["was written by a bot", (p: Payload) => (p.sender.type = p.comment.user.type = "Bot")],
    ["was written by a bot whose sender is called a person", (p: Payload) => (p.comment.user.type = "Bot")],
    ["came through an App, ours as well", (p: Payload) => (p.comment.performed_via_github_app = { id: 1 })],
    ["was written by somebody else than its sender", (p: Payload) => (p.comment.user.id = 4)],
    ["has no author any more", (p: Payload) => (p.comment.user = null)],
    ["stands on a closed issue", (p: Payload) => (p.issue.state = "closed")],
  ])("asks for nothing where it %s", (_, change) => {
    expect(parseTrigger("issue_comment", commented("/agent fix", change)).kind).toBe("ignored");
  });

  it("stops the run of a closed issue all the same", () => {
    const payload = commented("/agent stop", (it) => {
      it.issue.state = "closed";
    });
    expect(parseTrigger("issue_comment", payload).kind).toBe("stop");
  });
});

describe("the other events", () => {
  it("a closed issue stops its run", () => {
    const payload = labeled((it) => {
      it.action = "closed";
    });
    expect(parseTrigger("issues", payload)).toMatchObject({ kind: "stop", how: "closed", asked: { subject: { number: 1 } } });
  });

  it("a closed pull request stops its run", () => {
    expect(parseTrigger("pull_request", examplePayload("pull_request", "closed"))).toMatchObject({
      kind: "stop",
      how: "closed",
      atMs: Date.parse("2019-05-15T15:21:18Z"),
      asked: { subject: { kind: "pull", number: 2 } },
    });
  });

  it("a pull request closed by a bot stops nothing", () => {
    const payload = examplePayload("pull_request", "closed");
    payload.sender.type = "Bot";
    expect(parseTrigger("pull_request", payload).kind).toBe("ignored");
  });

  it("a push to a pull request is noted with its time, whoever pushed", () => {
    const payload = examplePayload("pull_request", "synchronize");
    payload.sender.type = "Bot";
    const { number, head, updated_at } = payload.pull_request;
    expect(parseTrigger("pull_request", payload)).toEqual({
      kind: "head",
      repositoryId: payload.repository.id,
      number,
      sha: head.sha,
      atMs: Date.parse(updated_at),
    });
  });

  it("a press of re-run asks for the run of that check, by whoever pressed", () => {
    const payload = examplePayload("check_run", "rerequested");
    payload.check_run.external_id = "abcdefghijklmnop";
    expect(parseTrigger("check_run", payload)).toMatchObject({
      kind: "rerun",
      checkRunId: 4,
      externalId: "abcdefghijklmnop",
      headSha: payload.check_run.head_sha,
      asked: { requester: { id: payload.sender.id } },
    });
  });

  it("a press of re-run all names no run, only the commit", () => {
    const payload = examplePayload("check_suite", "rerequested");
    payload.sender = person;
    expect(parseTrigger("check_suite", payload)).toMatchObject({
      kind: "rerun",
      externalId: undefined,
      headSha: payload.check_suite.head_sha,
    });
  });

  it("[27] a re-run that a bot asks for, or a check that merely completed, is nothing", () => {
    const payload = examplePayload("check_run", "rerequested");
    payload.sender.type = "Bot";
    expect(parseTrigger("check_run", payload).kind).toBe("ignored");
    expect(parseTrigger("check_run", examplePayload("check_run", "completed")).kind).toBe("ignored");
    // As GitHub's own example has it: the App itself asked.
    expect(parseTrigger("check_suite", examplePayload("check_suite", "rerequested")).kind).toBe("ignored");
  });

  it("an installation names what is to be prepared", () => {
    const added = examplePayload("installation_repositories", "added");
    expect(parseTrigger("installation_repositories", added)).toMatchObject({
      kind: "installed",
      accountId: added.installation.account.id,
      repositories: added.repositories_added.map((one: Payload) => ({ id: one.id, fullName: one.full_name })),
    });
  });

  it("what is done to a repository or an installation has its runs looked after, whoever did it", () => {
    const deeds = [
      ["repository", "renamed", "renamed"],
      ["repository", "transferred", "transferred"],
      ["installation", "deleted", "uninstalled"],
      ["installation", "suspend", "suspended"],
      ["installation_repositories", "removed", "removed"],
    ] as const;
    for (const [event, action, deed] of deeds) {
      const payload = examplePayload(event, action);
      const at = event === "repository" ? { repositoryId: payload.repository.id } : { installationId: payload.installation.id };
      expect(parseTrigger(event, payload)).toEqual({ kind: "look", at, deed, by: payload.sender.login });
    }
    for (const action of ["archived", "deleted"])
      expect(parseTrigger("repository", { ...examplePayload("repository", "renamed"), action })).toMatchObject({ deed: action });
    const account = { login: "acme-corp", id: 1 };
    expect(parseTrigger("installation_target", { action: "renamed", installation: { id: 77 }, account })).toEqual({
      ...{ kind: "look", at: { installationId: 77 }, deed: "renamed", by: "acme-corp" },
    });
    for (const [event, action] of [
      ["repository", "privatized"],
      ["repository", "edited"],
      ["installation", "unsuspend"],
    ] as const)
      expect(parseTrigger(event, examplePayload(event, action)).kind, `${event}.${action}`).toBe("ignored");
  });

  it("[73] a signed body under another event's name has no effect", () => {
    const asked = [labeled(), commented("/agent fix")];
    for (const event of [
      "issues",
      "issue_comment",
      "pull_request",
      "check_run",
      "check_suite",
      "installation",
      "push",
      "__proto__",
    ])
      for (const payload of asked) {
        const trigger = parseTrigger(event, payload);
        const own = (event === "issues" && payload.label) || (event === "issue_comment" && payload.comment);
        expect(trigger.kind).toBe(own ? "run" : "ignored");
      }
  });

  it.each([[null], [undefined], ["text"], [[]], [{}], [{ action: "labeled" }], [7]])("%j as a payload is ignored", (payload) => {
    for (const event of ["issues", "issue_comment", "pull_request", "check_run", "check_suite", "installation"])
      expect(parseTrigger(event, payload).kind).toBe("ignored");
  });
});
