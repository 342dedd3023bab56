import { inRepository, page, type Reply, type RepositoryCall, type Routes, writer } from "../call.ts";
import { GitHubError } from "../github-error.ts";
import { renderPullSimple, renderReview } from "../render/pulls.ts";
import { type Review, timestamp } from "../state.ts";
import { findPull } from "./pulls.ts";

export const reviewRoutes: Routes = {
  "pulls/create-review": inRepository(["pull_requests:write"], "read", create),
  "pulls/list-reviews": inRepository(["pull_requests:read"], "read", (call) => {
    const issue = findPull(call);
    return page(call, issue.pull.reviews, (shown) => shown.map((review) => renderReview(call, issue, review)));
  }),
  "pulls/list-review-comments": inRepository(["pull_requests:read"], "read", () => ({ status: 200, json: [] })),
};

const states = { APPROVE: "APPROVED", REQUEST_CHANGES: "CHANGES_REQUESTED", COMMENT: "COMMENTED" } as const;

async function create(call: RepositoryCall): Promise<Reply> {
  const issue = findPull(call);
  const { body = "", event, commit_id: commit } = call.body as { body?: string; event?: keyof typeof states; commit_id?: string };
  if (event === undefined) throw new GitHubError(422, "Pending reviews are not kept here: name an event");
  const user = writer(call.actor);
  if (event !== "COMMENT" && user.id === issue.user.id)
    throw new GitHubError(422, "Unprocessable Entity", {
      errors: [`Can not ${event === "APPROVE" ? "approve" : "request changes on"} your own pull request`],
    });
  if (event !== "APPROVE" && body.trim() === "")
    throw new GitHubError(422, "Unprocessable Entity", { errors: ["Body can't be blank"] });
  const { world, repository, webhooks } = call;
  const review: Review = {
    id: world.nextId(),
    user,
    body,
    state: states[event],
    commit: commit ?? issue.pull.head.sha,
    submittedAt: timestamp(world.nowMs()),
    comments: [],
  };
  issue.pull.reviews.push(review);
  const json = renderReview(call, issue, review);
  // The webhook writes the state in small letters, and its pull request is the simple one.
  const payload = { review: { ...json, state: review.state.toLowerCase() }, pull_request: await renderPullSimple(call, issue) };
  webhooks.announce({ event: "pull_request_review", action: "submitted", payload, repository, sender: user });
  return { status: 200, json };
}
