import { z } from "zod";

/** The few fields of GitHub's webhook payloads that Airlock reads. GitHub adds fields at will: what is not named here is dropped. */

/** GitHub counts from one: what is no such number names nothing, and must not be looked for. */
const id = z.int().positive();
/** A time that cannot be read would come out as NaN, before and after nothing. */
const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), "no time");
const actor = z.object({ id, login: z.string(), type: z.string() });
const repository = z.object({
  id,
  name: z.string(),
  full_name: z.string(),
  owner: actor,
  default_branch: z.string(),
});
const installation = z.object({ id });
const issue = z.object({
  id,
  number: id,
  title: z.string(),
  body: z.string().nullish(),
  state: z.string(),
  updated_at: time,
  pull_request: z.object({}).nullish(),
});
const common = { action: z.string(), repository, sender: actor, installation };

export const issuesPayload = z.object({
  ...common,
  issue,
  label: z.object({ name: z.string() }).optional(),
  changes: z.object({ title: z.unknown(), body: z.unknown() }).partial().optional(),
});
export const commentPayload = z.object({
  ...common,
  issue,
  comment: z.object({
    id,
    body: z.string().nullish(),
    created_at: time,
    updated_at: time,
    user: actor.nullable(),
    performed_via_github_app: z.object({ id }).nullish(),
  }),
});
export const pullRequestPayload = z.object({
  ...common,
  pull_request: z.object({ number: id, updated_at: time, head: z.object({ sha: z.string() }) }),
});
export const checkRunPayload = z.object({
  ...common,
  requested_action: z.object({ identifier: z.string() }).nullish(),
  check_run: z.object({ id, external_id: z.string().nullish(), head_sha: z.string() }),
});
export const checkSuitePayload = z.object({ ...common, check_suite: z.object({ id, head_sha: z.string() }) });
export const installationPayload = z.object({
  action: z.string(),
  installation: z.object({ id, account: actor }),
  repositories: z.array(z.object({ id, full_name: z.string() })).optional(),
  repositories_added: z.array(z.object({ id, full_name: z.string() })).optional(),
});

export const repositoryPayload = z.object({ action: z.string(), repository: z.object({ id }), sender: actor });
/** Of what was done to an installation, or to its account. */
export const targetPayload = z.object({
  action: z.string(),
  installation: z.object({ id }),
  account: z.object({ login: z.string().optional() }).optional(),
  sender: actor.optional(),
});

export type Actor = z.infer<typeof actor>;
export type Repository = z.infer<typeof repository>;
