// Tests never see a real key, however they are started: vitest's workers inherit what is left here.
for (const name of [
  "ANTHROPIC_API_KEY",
  "CLAUDE_CODE_OAUTH_TOKEN",
  "PRIVATE_KEY",
  "WEBHOOK_SECRET",
  "WEBHOOK_SECRET_OLD",
  "GITHUB_TOKEN",
  "GH_TOKEN",
]) {
  delete process.env[name];
  delete process.env[`${name}_FILE`];
}
