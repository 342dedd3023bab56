/** Where programs, homes, registries and certificates are: names that hold no secret. */
const names = [
  ...["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LC_ALL", "TZ", "TERM", "CI", "NO_COLOR", "FORCE_COLOR"],
  ...["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "DOCKER_HOST", "NO_PROXY", "no_proxy"],
  ...[
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "npm_config_registry",
    "npm_config_cafile",
    "npm_config_cache",
    "npm_config_userconfig",
  ],
];

/** Proxies: passed on unless a password stands in them. */
const proxyNames = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

export function pickChildEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) if (env[name]) picked[name] = env[name];
  for (const name of proxyNames) if (env[name] && !holdsPassword(env[name])) picked[name] = env[name];
  return picked;
}

function holdsPassword(address: string): boolean {
  const url = URL.parse(address);
  // What cannot be parsed may hold anything.
  return url === null || url.username !== "" || url.password !== "";
}
