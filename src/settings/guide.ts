/** Where a person gets each setting from: the second half of every settings fault. */
export const guide: Readonly<Record<string, string>> = {
  APP_ID: 'It stands on the App\'s page: GitHub, Settings, Developer settings, GitHub Apps, "App ID"',
  PRIVATE_KEY: 'Generate one on the App\'s page under "Private keys" and set PRIVATE_KEY_PATH to the downloaded .pem file',
  WEBHOOK_SECRET: 'Choose a long random text (openssl rand -hex 32) and enter the same on the App\'s page under "Webhook secret"',
  WEBHOOK_PATH: "Leave it out for /api/github/webhooks, or give the path of the App's webhook URL",
  GHE_HOST: "Leave it out for github.com, or give the host of your GitHub Enterprise Server, for example github.example.org",
  GHE_PROTOCOL: "Leave it out for https; http is for a GitHub on this machine only",
  HOST: "Leave it out for localhost, or give the address to listen at, for example 0.0.0.0",
  PORT: "Leave it out for 3000, or give a free port",
  LOG_LEVEL: "Leave it out for info",
  LOG_FORMAT: "Leave it out for json",
  AIRLOCK_URL: "Give the address at which people and GitHub reach this Airlock, for example https://airlock.example.org",
  AIRLOCK_ACCOUNTS: "List the accounts whose repositories may run agents here, separated by commas, for example acme,octocat",
  ANTHROPIC_API_KEY: "Create a key at https://console.anthropic.com/settings/keys, or use CLAUDE_CODE_OAUTH_TOKEN",
  CLAUDE_CODE_OAUTH_TOKEN: "Run `claude setup-token` on a machine with a browser and take what it prints",
  ANTHROPIC_BASE_URL: "Leave it out for https://api.anthropic.com",
  AIRLOCK_MODEL: "Leave it out for claude-sonnet-5, or give a model's full name",
  AIRLOCK_CONCURRENCY: "Leave it out for 2, or say how many runs may work at once",
  AIRLOCK_DEADLINE_MINUTES: "Leave it out for 60, or say after how many minutes a run is ended",
  AIRLOCK_MEMORY: "Leave it out for 4g, or give one run's memory, for example 6g",
  HTTPS_PROXY: "Give the proxy that this machine reaches GitHub through, for example http://proxy.example.org:3128",
  NODE_EXTRA_CA_CERTS: "Point it at the PEM file of your own certificate authority",
};

/** Names that other Probot Apps honour and this one does not: what to use, or that nothing is needed. */
export const notHonoured: Readonly<Record<string, string>> = {
  WEBHOOK_PROXY_URL: "deliveries never pass a relay: give GitHub the address in AIRLOCK_URL",
  REDIS_URL: "Airlock needs no Redis",
  SENTRY_DSN: "nothing is sent to Sentry: read the log",
  GH_ORG: "the registration page asks for the organisation",
  LOG_LEVEL_IN_STRING: "the log writes levels as words always",
  LOG_MESSAGE_KEY: "the log's message key is msg",
  GITHUB_CLIENT_ID: "sign-in with GitHub is not offered yet",
  GITHUB_CLIENT_SECRET: "sign-in with GitHub is not offered yet",
  LOCAL_PROXY: "use HTTPS_PROXY",
};
