import { inRepository, number, page, type Reply, type RepositoryCall, type Routes, writer } from "../call.ts";
import { notFound } from "../github-error.ts";
import { renderReaction } from "../render/issues.ts";
import { type Reaction, timestamp } from "../state.ts";
import { findComment, needsOfComment } from "./comments.ts";
import { findIssue, needsOfIssue } from "./issue-change.ts";

export const reactionRoutes: Routes = {
  "reactions/create-for-issue": inRepository(needsOfIssue("write"), "read", (call) => create(call, findIssue(call))),
  "reactions/list-for-issue": inRepository(needsOfIssue("read"), "read", (call) => list(call, findIssue(call))),
  "reactions/create-for-issue-comment": inRepository(needsOfComment("write"), "read", (call) => create(call, findComment(call))),
  "reactions/list-for-issue-comment": inRepository(needsOfComment("read"), "read", (call) => list(call, findComment(call))),
  "reactions/delete-for-issue-comment": inRepository(needsOfComment("write"), "read", (call) => {
    const comment = findComment(call);
    const kept = comment.reactions.filter(({ id }) => id !== number(call, "reaction_id"));
    if (kept.length === comment.reactions.length) throw notFound();
    comment.reactions = kept;
    return { status: 204 };
  }),
};

/** The same reaction by the same account is one reaction: 200 instead of 201. */
function create(call: RepositoryCall, on: { reactions: Reaction[] }): Reply {
  const user = writer(call.actor);
  const content = String(call.body.content);
  const known = on.reactions.find((reaction) => reaction.user.id === user.id && reaction.content === content);
  if (known !== undefined) return { status: 200, json: renderReaction(call.world, known) };
  const reaction = { id: call.world.nextId(), content, user, createdAt: timestamp(call.world.nowMs()) };
  on.reactions.push(reaction);
  return { status: 201, json: renderReaction(call.world, reaction) };
}

function list(call: RepositoryCall, on: { reactions: Reaction[] }): Reply {
  const { content } = call.params;
  const found = on.reactions.filter((reaction) => content === undefined || reaction.content === content);
  return page(call, found, (shown) => shown.map((reaction) => renderReaction(call.world, reaction)));
}
