import type { z } from "zod";
import { labels } from "../run/labels.ts";
import type { RunRequest, Subject } from "../run/request.ts";
import type { Edit } from "../store/queries/edits.ts";
import { type CommandLine, parseCommandLine } from "./command-line.ts";
import type { Deed } from "./look.ts";
import {
  type Actor,
  checkRunPayload,
  checkSuitePayload,
  commentPayload,
  installationPayload,
  issuesPayload,
  pullRequestPayload,
  type Repository,
  repositoryPayload,
  targetPayload,
} from "./payload.ts";

/** Where an answer goes, and who asked. */
export interface Asked {
  installationId: number;
  accountId: number;
  accountLogin: string;
  repositoryId: number;
  owner: string;
  name: string;
  subject: Subject;
  requester: { id: number; login: string };
  /** The comment that asked, or none where a label or a button did. */
  commentId: number | undefined;
}

/** What a delivery asks for. */
export type Trigger =
  | { kind: "run"; asked: Asked; request: RunRequest; causeKey: string }
  /** `atMs`: when it was asked, by GitHub's clock. */
  | { kind: "stop"; asked: Asked; how: "comment" | "label" | "closed"; atMs: number }
  /** A decision on what the run of this issue holds. `commit`: which one was meant, as typed; empty for the one that is shown. */
  | { kind: "word"; asked: Asked; word: "publish" | "discard"; commit: string; atMs: number }
  /** The same by a button of the check of this run. */
  | {
      kind: "button";
      asked: Omit<Asked, "subject">;
      word: "publish" | "discard";
      externalId: string | undefined;
      checkRunId: number;
    }
  | { kind: "answer"; asked: Asked; command: "status" | "help" | "unknown"; word: string }
  | {
      kind: "rerun";
      asked: Omit<Asked, "subject">;
      checkRunId: number | undefined;
      externalId: string | undefined;
      headSha: string;
      causeKey: string;
    }
  | { kind: "edit"; edit: Edit }
  | { kind: "head"; repositoryId: number; number: number; sha: string; atMs: number }
  | {
      kind: "installed";
      installationId: number;
      accountId: number;
      accountLogin: string;
      repositories: { id: number; fullName: string }[];
    }
  /** Something was done to a repository or to an installation: what runs there is looked after. */
  | { kind: "look"; at: { repositoryId: number } | { installationId: number }; deed: Deed; by: string }
  | { kind: "ignored"; why: string };

const ignored = (why: string): Trigger => ({ kind: "ignored", why });

/** Reads a verified delivery. Pure; never throws. */
export function parseTrigger(event: string, payload: unknown): Trigger {
  switch (event) {
    case "issues":
      return parseIssues(payload);
    case "issue_comment":
      return parseComment(payload);
    case "pull_request":
      return parsePullRequest(payload);
    case "check_run":
    case "check_suite":
      return parseCheck(event, payload);
    case "installation":
    case "installation_repositories":
      return parseInstallation(event, payload);
    case "installation_target":
      return parseTarget(event, payload);
    case "repository":
      return parseRepository(payload);
    default:
      return ignored(`Airlock does nothing on ${event}`);
  }
}

function parseIssues(payload: unknown): Trigger {
  const { data } = issuesPayload.safeParse(payload);
  if (!data) return ignored("the payload has not the shape of an issues event");
  const { issue, label, sender } = data;
  // Whoever it was, a bot too: what counts is that the text is another than the one that was read.
  if (data.action === "edited") {
    if (!data.changes?.title && !data.changes?.body) return ignored("neither title nor text was changed");
    const actor = { id: sender.id, login: sender.login };
    const at = { repositoryId: data.repository.id, number: issue.number, atMs: Date.parse(issue.updated_at) };
    return { kind: "edit", edit: { ...at, actor, person: sender.type === "User" } };
  }
  // Our own label changes come back as deliveries: acting on them would be a loop.
  if (sender.type !== "User") return ignored(`${sender.login} is no person`);
  const subject = subjectOf(issue);
  const asked = askedOf(data, subject, sender, undefined);
  const atMs = Date.parse(issue.updated_at);
  if (data.action === "closed") return { kind: "stop", asked, how: "closed", atMs };
  // GitHub keeps one label of a name, in whatever case the repository made it first.
  const name = label?.name.toLowerCase();
  if (data.action === "unlabeled" && name === labels.working) return { kind: "stop", asked, how: "label", atMs };
  if (data.action !== "labeled" || name !== labels.ask) return ignored("no label of ours was set or taken away");
  if (subject.kind === "pull") return ignored("the label asks on issues; on a pull request it is /agent fix");
  if (issue.state !== "open") return ignored("the issue is closed");
  const request = requestOf(asked, issue, { kind: "label", label: labels.ask }, atMs);
  return { kind: "run", asked, request, causeKey: `label:${issue.id}:${issue.updated_at}` };
}

function parseComment(payload: unknown): Trigger {
  const { data } = commentPayload.safeParse(payload);
  if (!data) return ignored("the payload has not the shape of a comment event");
  const { comment, issue, sender } = data;
  if (data.action !== "created") return ignored("only a new comment is a command");
  if (sender.type !== "User" || comment.user?.type !== "User") return ignored(`${sender.login} is no person`);
  // An App that speaks for a person is not that person.
  if (comment.performed_via_github_app) return ignored("the comment came through an App");
  if (comment.user.id !== sender.id) return ignored("the sender did not write the comment");
  const line = parseCommandLine(comment.body ?? "");
  if (!line) return ignored("the comment's first line is no command");
  const asked = askedOf(data, subjectOf(issue), sender, comment.id);
  return commentTrigger(line, asked, issue, comment);
}

function commentTrigger(
  line: CommandLine,
  asked: Asked,
  issue: IssueFields,
  comment: { id: number; created_at: string },
): Trigger {
  switch (line.command) {
    case "fix": {
      if (issue.state !== "open") return ignored("the issue is closed");
      const cause = { kind: "command", commentId: comment.id, instructions: line.instructions } as const;
      return {
        kind: "run",
        asked,
        request: requestOf(asked, issue, cause, Date.parse(comment.created_at)),
        causeKey: `comment:${comment.id}`,
      };
    }
    case "stop":
      return { kind: "stop", asked, how: "comment", atMs: Date.parse(comment.created_at) };
    case "publish":
    case "discard": {
      const atMs = Date.parse(comment.created_at);
      return { kind: "word", asked, word: line.command, commit: line.commit, atMs };
    }
    case "unknown":
      return { kind: "answer", asked, command: "unknown", word: line.word };
    default:
      return { kind: "answer", asked, command: line.command, word: "" };
  }
}

function parsePullRequest(payload: unknown): Trigger {
  const { data } = pullRequestPayload.safeParse(payload);
  if (!data) return ignored("the payload has not the shape of a pull_request event");
  const { pull_request: pull, repository, sender } = data;
  if (data.action === "closed") {
    if (sender.type !== "User") return ignored(`${sender.login} is no person`);
    // The payload lacks the issue's id that a pull request has as well; a stop is found by the number.
    const asked = askedOf(data, { kind: "pull", number: pull.number, id: 0 }, sender, undefined);
    return { kind: "stop", asked, how: "closed", atMs: Date.parse(pull.updated_at) };
  }
  if (data.action !== "synchronize") return ignored(`Airlock does nothing on pull_request.${data.action}`);
  return {
    kind: "head",
    repositoryId: repository.id,
    number: pull.number,
    sha: pull.head.sha,
    atMs: Date.parse(pull.updated_at),
  };
}

function parseCheck(event: "check_run" | "check_suite", payload: unknown): Trigger {
  const run = event === "check_run" ? checkRunPayload.safeParse(payload).data : undefined;
  const data = run ?? checkSuitePayload.safeParse(payload).data;
  if (!data) return ignored(`the payload has not the shape of a ${event} event`);
  if (run && data.action === "requested_action") return parseButton(run);
  if (data.action !== "rerequested") return ignored(`Airlock does nothing on ${event}.${data.action}`);
  if (data.sender.type !== "User") return ignored(`${data.sender.login} is no person`);
  const { subject: _, ...asked } = askedOf(data, { kind: "issue", number: 0, id: 0 }, data.sender, undefined);
  const headSha = run ? run.check_run.head_sha : (data as { check_suite: { head_sha: string } }).check_suite.head_sha;
  // A button may be pressed again once the run that it made has ended: the run's own id is part of what the press means (see rerun.ts).
  return {
    kind: "rerun",
    asked,
    checkRunId: run?.check_run.id,
    externalId: run?.check_run.external_id ?? undefined,
    headSha,
    causeKey: `rerun:${headSha}`,
  };
}

function parseButton(data: z.output<typeof checkRunPayload>): Trigger {
  if (data.sender.type !== "User") return ignored(`${data.sender.login} is no person`);
  const word = data.requested_action?.identifier;
  if (word !== "publish" && word !== "discard") return ignored("Airlock has no such button");
  const { subject: _, ...asked } = askedOf(data, { kind: "issue", number: 0, id: 0 }, data.sender, undefined);
  return { kind: "button", asked, word, externalId: data.check_run.external_id ?? undefined, checkRunId: data.check_run.id };
}

function parseRepository(payload: unknown): Trigger {
  const { data } = repositoryPayload.safeParse(payload);
  if (!data) return ignored("the payload has not the shape of a repository event");
  const { action, repository, sender } = data;
  if (action !== "renamed" && action !== "transferred" && action !== "archived" && action !== "deleted")
    return ignored(`Airlock does nothing on repository.${action}`);
  return { kind: "look", at: { repositoryId: repository.id }, deed: action, by: sender.login };
}

const deedsToInstallations: Readonly<Record<string, Deed>> = {
  "installation.deleted": "uninstalled",
  "installation.suspend": "suspended",
  // Which repositories is not always told: where all were covered and only some are from now on, the list is empty.
  "installation_repositories.removed": "removed",
  "installation_target.renamed": "renamed",
};

function parseTarget(event: string, payload: unknown): Trigger {
  const { data } = targetPayload.safeParse(payload);
  if (!data) return ignored(`the payload has not the shape of an ${event} event`);
  const deed = deedsToInstallations[`${event}.${data.action}`];
  if (deed === undefined) return ignored(`Airlock does nothing on ${event}.${data.action}`);
  const by = data.sender?.login ?? data.account?.login ?? "somebody";
  return { kind: "look", at: { installationId: data.installation.id }, deed, by };
}

function parseInstallation(event: string, payload: unknown): Trigger {
  const target = parseTarget(event, payload);
  if (target.kind === "look") return target;
  const { data } = installationPayload.safeParse(payload);
  if (!data) return ignored("the payload has not the shape of an installation event");
  if (data.action !== "created" && data.action !== "added") return ignored(`nothing to prepare on ${data.action}`);
  const repositories = (data.repositories ?? data.repositories_added ?? []).map((r) => ({ id: r.id, fullName: r.full_name }));
  const { account } = data.installation;
  return {
    kind: "installed",
    installationId: data.installation.id,
    accountId: account.id,
    accountLogin: account.login,
    repositories,
  };
}

interface IssueFields {
  id: number;
  number: number;
  title: string;
  body?: string | null | undefined;
  state: string;
  pull_request?: object | null | undefined;
}

function subjectOf(issue: IssueFields): Subject {
  return { kind: issue.pull_request ? "pull" : "issue", number: issue.number, id: issue.id };
}

function askedOf(
  data: { repository: Repository; installation: { id: number } },
  subject: Subject,
  sender: Actor,
  commentId: number | undefined,
): Asked {
  const { repository } = data;
  return {
    installationId: data.installation.id,
    accountId: repository.owner.id,
    accountLogin: repository.owner.login,
    repositoryId: repository.id,
    owner: repository.owner.login,
    name: repository.name,
    subject,
    requester: { id: sender.id, login: sender.login },
    commentId,
  };
}

function requestOf(asked: Asked, issue: IssueFields, cause: RunRequest["cause"], askedAtMs: number): RunRequest {
  const { installationId, accountId, repositoryId, owner, name, subject, requester } = asked;
  return {
    installationId,
    accountId,
    repositoryId,
    owner,
    name,
    subject,
    requester,
    cause,
    askedAtMs,
    title: issue.title,
    body: issue.body ?? "",
  };
}
