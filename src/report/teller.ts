import type { Api } from "../github/api.ts";
import type { GitHubApp } from "../github/app.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import type { Sha } from "../run/identity.ts";
import { labels } from "../run/labels.ts";
import { type Conclusion, conclusionOf } from "../run/outcome.ts";
import type { Run } from "../run/state.ts";
import { markReported } from "../store/queries/facts.ts";
import type { RunRow } from "../store/queries/runs.ts";
import { heldActions } from "./actions.ts";
import { ensureCheckRun, findCheckedTip } from "./check-run.ts";
import { ensureComment } from "./comment.ts";
import { printEndMark } from "./end-mark.ts";
import { ensureLabel, ensureNoLabel } from "./label.ts";
import type { LineParts } from "./line.ts";
import { readStory, type Story } from "./story.ts";
import { checkOf, commentOf, pullRequestOf } from "./texts.ts";

export interface TellerParts extends LineParts {
  grants: Grants;
  app: GitHubApp;
  /** Stands before every string that leaves. */
  redact(text: string): string;
  pageUrl(pageKey: string): string;
  nowMs(): number;
}

/** Tells GitHub how a run stands: one check run for each commit that carries it, one comment, one label. */
export interface Teller {
  /** Brings the check on `sha` up to date, completed where the run has ended or `conclusion` says so. `untold`: what could not be told
   *  elsewhere, a sentence each. Answers its id. */
  check(run: RunRow, at: { sha: Sha; untold?: readonly string[] }): Promise<number>;
  /** The commit at the branch's tip, where the run has a check on it. */
  checkedTip(run: RunRow, branch: string): Promise<Sha | undefined>;
  comment(run: RunRow): Promise<number>;
  /** Says in the one way that is left, where the reporter's token cannot be had, what permission is missing. */
  commentAsDoorman(run: RunRow): Promise<void>;
  showWorking(run: RunRow): Promise<void>;
  showRested(run: RunRow): Promise<void>;
  /** The same in the one way that is left: a label that stayed could not be set again. */
  showRestedAsDoorman(run: RunRow): Promise<void>;
  pullRequestText(run: RunRow): Promise<{ title: string; body: string }>;
  /** Remembers what was told, so that it is not told again. */
  remember(run: RunRow, progress: string): Promise<void>;
}

function findConclusion(state: Run): Conclusion | undefined {
  if (state.at === "held") return "action_required";
  return "ending" in state ? conclusionOf(state.ending.outcome) : undefined;
}

export function createTeller(parts: TellerParts): Teller {
  const story = async (run: RunRow): Promise<Story> => readStory(parts, run);
  const reporter = (run: RunRow): Promise<Api> => parts.grants.keep("reporter", scopeOf(run.id, run.request));
  const where = (run: RunRow) => ({ owner: run.request.owner, repo: run.request.name });
  const writeComment = async (api: Api, run: RunRow) => {
    const { botId } = await parts.app.identity();
    const told = parts.redact(commentOf(await story(run), { pageUrl: parts.pageUrl(run.pageKey), nowMs: parts.nowMs() }));
    const body = "ending" in run.state ? `${told}\n\n${printEndMark(run.state)}` : told;
    return ensureComment(api, {
      botId,
      ...where(run),
      number: run.request.subject.number,
      run: run.id,
      body,
      // Written down by a store that had forgotten it, the run is older than its row, and so may be its comment.
      sinceMs: Math.min(run.createdAtMs, run.request.askedAtMs),
    });
  };
  const issueOf = (run: RunRow) => ({ ...where(run), number: run.request.subject.number });
  const takeLabels = async (apiOf: () => Promise<Api>, run: RunRow) => {
    if (run.request.subject.kind !== "issue") return;
    const api = await apiOf();
    await ensureNoLabel(api, issueOf(run), labels.working);
    await ensureNoLabel(api, issueOf(run), labels.ask);
  };

  return {
    async check(run, { sha, untold = [] }) {
      const { id } = await parts.app.identity();
      const detailsUrl = parts.pageUrl(run.pageKey);
      const told = checkOf(await story(run), { pageUrl: detailsUrl, nowMs: parts.nowMs(), untold });
      const output = { title: parts.redact(told.title), summary: parts.redact(told.summary) };
      const conclusion = findConclusion(run.state);
      return ensureCheckRun(await reporter(run), {
        appId: id,
        ...where(run),
        run: run.id,
        sha,
        detailsUrl,
        startedAtMs: run.createdAtMs,
        output,
        ...(conclusion && { conclusion }),
        ...(run.state.at === "held" && { actions: heldActions }),
      });
    },
    async checkedTip(run, branch) {
      const { id } = await parts.app.identity();
      return findCheckedTip(await reporter(run), { appId: id, ...where(run), run: run.id, branch });
    },
    comment: async (run) => writeComment(await reporter(run), run),
    async commentAsDoorman(run) {
      await using doorman = await parts.grants.mint("doorman", scopeOf(run.id, run.request));
      await writeComment(doorman.api, run);
    },
    async showWorking(run) {
      if (run.request.subject.kind !== "issue") return;
      const api = await reporter(run);
      await ensureLabel(api, issueOf(run), labels.working);
      await ensureNoLabel(api, issueOf(run), labels.ask);
    },
    showRested: async (run) => takeLabels(() => reporter(run), run),
    async showRestedAsDoorman(run) {
      await using doorman = await parts.grants.mint("doorman", scopeOf(run.id, run.request));
      await takeLabels(async () => doorman.api, run);
    },
    async pullRequestText(run) {
      const text = pullRequestOf(await story(run), { pageUrl: parts.pageUrl(run.pageKey), nowMs: parts.nowMs() });
      return { title: parts.redact(text.title), body: parts.redact(text.body) };
    },
    remember: (run, progress) =>
      markReported(parts.db, { run: run.id, fence: run.fence, digest: progress, nowMs: parts.nowMs() }),
  };
}
