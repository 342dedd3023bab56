import { roleOf } from "../permissions.ts";
import { type Account, type App, type Installation, nodeId, type Repository, type World } from "../state.ts";

/** GitHub's "simple user". */
export function renderUser(world: World, account: Account): Record<string, unknown> {
  const url = `${world.url}/api/v3/users/${encodeURIComponent(account.login)}`;
  const page = account.type === "Bot" ? `apps/${account.login.replace(/\[bot\]$/, "")}` : account.login;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId(account.type === "Bot" ? "BOT" : account.type === "User" ? "U" : "O", account.id),
    avatar_url: `${world.url}/avatars/${account.id}`,
    gravatar_id: "",
    url,
    html_url: `${world.url}/${page}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: account.type,
    user_view_type: "public",
    site_admin: false,
  };
}

/** What GET /user and GET /users/{username} add to the simple user. */
export function renderProfile(world: World, account: Account): Record<string, unknown> {
  return {
    ...renderUser(world, account),
    name: account.type === "Bot" ? null : account.login,
    company: null,
    blog: "",
    location: null,
    email: null,
    hireable: null,
    bio: null,
    public_repos: [...world.repositories.values()].filter(({ owner }) => owner.id === account.id).length,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: account.createdAt,
    updated_at: account.createdAt,
  };
}

/** Repository's word on how close somebody is: never a permission. */
export function authorAssociation(repository: Repository, account: Account): string {
  if (account.type === "Bot") return "NONE";
  if (account.id === repository.owner.id) return "OWNER";
  if (repository.roles.has(account.id)) return repository.owner.type === "Organization" ? "MEMBER" : "COLLABORATOR";
  return roleOf(repository, account) === undefined ? "NONE" : "CONTRIBUTOR";
}

/** GitHub's "integration". */
export function renderApp(world: World, app: App): Record<string, unknown> {
  return {
    id: app.id,
    client_id: app.clientId,
    slug: app.slug,
    node_id: nodeId("A", app.id),
    owner: renderUser(world, app.owner),
    name: app.name,
    description: "",
    external_url: world.url,
    html_url: `${world.url}/apps/${app.slug}`,
    created_at: app.createdAt,
    updated_at: app.createdAt,
    permissions: app.permissions,
    events: app.events,
  };
}

export function renderInstallation(world: World, installation: Installation): Record<string, unknown> {
  const url = `${world.url}/api/v3`;
  return {
    id: installation.id,
    client_id: installation.app.clientId,
    account: renderUser(world, installation.account),
    repository_selection: installation.repositoryIds === "all" ? "all" : "selected",
    access_tokens_url: `${url}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${url}/installation/repositories`,
    html_url: `${world.url}/organizations/${installation.account.login}/settings/installations/${installation.id}`,
    app_id: installation.app.id,
    app_slug: installation.app.slug,
    target_id: installation.account.id,
    target_type: installation.account.type,
    permissions: installation.permissions,
    events: installation.events,
    created_at: installation.createdAt,
    updated_at: installation.createdAt,
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: installation.suspendedBy ? renderUser(world, installation.suspendedBy) : null,
    suspended_at: installation.suspendedAt,
  };
}
