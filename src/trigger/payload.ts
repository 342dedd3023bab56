import { z } from "zod";

/** The few fields of GitHub's webhook payloads that Airlock reads. GitHub adds fields at will: what is not named here is dropped. */
const actor = z.object({ id: z.number(), login: z.string(), type: z.string() });
const repository = z.object({
  id: z.number(),
  name: z.string(),
  full_name: z.string(),
  owner: actor,
  default_branch: z.string(),
});
const installation = z.object({ id: z.number() });
const issue = z.object({
  id: z.number(),
  number: z.number(),
  title: z.string(),
  body: z.string().nullish(),
  state: z.string(),
  updated_at: z.string(),
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
    id: z.number(),
    body: z.string().nullish(),
    created_at: z.string(),
    updated_at: z.string(),
    user: actor.nullable(),
    performed_via_github_app: z.object({ id: z.number() }).nullish(),
  }),
});
export const pullRequestPayload = z.object({
  ...common,
  pull_request: z.object({ number: z.number(), updated_at: z.string(), head: z.object({ sha: z.string() }) }),
});
export const checkRunPayload = z.object({
  ...common,
  requested_action: z.object({ identifier: z.string() }).nullish(),
  check_run: z.object({ id: z.number(), external_id: z.string().nullish(), head_sha: z.string() }),
});
export const checkSuitePayload = z.object({ ...common, check_suite: z.object({ id: z.number(), head_sha: z.string() }) });
export const installationPayload = z.object({
  action: z.string(),
  installation: z.object({ id: z.number(), account: actor }),
  repositories: z.array(z.object({ id: z.number(), full_name: z.string() })).optional(),
  repositories_added: z.array(z.object({ id: z.number(), full_name: z.string() })).optional(),
});

export const repositoryPayload = z.object({ action: z.string(), repository: z.object({ id: z.number() }), sender: actor });
/** Of what was done to an installation, or to its account. */
export const targetPayload = z.object({
  action: z.string(),
  installation: z.object({ id: z.number() }),
  account: z.object({ login: z.string().optional() }).optional(),
  sender: actor.optional(),
});

export type Actor = z.infer<typeof actor>;
export type Repository = z.infer<typeof repository>;
