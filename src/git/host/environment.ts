/** ◆ The environment of every git process: nothing of the machine's or a person's configuration, no hook, no prompt, no replace ref. */

export type GitConfig = readonly (readonly [key: string, value: string])[];

/** For every command. `-c` is not used: arguments can be read by every account of the machine, and this way there is one place. */
const everyCommand: GitConfig = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.excludesFile", "/dev/null"],
  ["core.useReplaceRefs", "false"],
  ["core.logAllRefUpdates", "false"],
  ["core.pager", "cat"],
  ["credential.helper", ""],
  ["fetch.recurseSubmodules", "false"],
  ["fetch.unpackLimit", "1"],
  ["fetch.writeCommitGraph", "false"],
  ["gc.auto", "0"],
  ["gpg.program", "/bin/false"],
  ["http.followRedirects", "false"],
  ["http.proxy", ""],
  ["log.showSignature", "false"],
  ["maintenance.auto", "false"],
  // Bounded memory: delta windows of hostile objects are not to take the machine.
  ["core.bigFileThreshold", "32m"],
  ["pack.threads", "1"],
  ["pack.windowMemory", "128m"],
  ["receive.autogc", "false"],
  ["submodule.recurse", "false"],
  ["user.useConfigOnly", "true"],
];

/** For `http-backend`: only branches and tags exist for a client, all that comes in is checked, nothing is served but what a ref reaches. */
export function backendConfig(limits: { maxInputBytes: number }): GitConfig {
  return [
    ["http.getanyfile", "false"],
    ["http.uploadarchive", "false"],
    ["http.uploadpack", "true"],
    ["http.receivepack", "true"],
    ["receive.fsckObjects", "true"],
    ["receive.maxInputSize", String(limits.maxInputBytes)],
    // Kept as the pack that came. Git writes the objects of a small pack out one by one, each as large as its delta says: 100 kB for 100 GB.
    ["receive.unpackLimit", "1"],
    ["receive.denyDeleteCurrent", "ignore"],
    ["transfer.advertiseSID", "false"],
    // The last match wins: everything is hidden, these two are shown. A hidden ref can be neither read nor written.
    ["transfer.hideRefs", "refs"],
    ["transfer.hideRefs", "!refs/heads"],
    ["transfer.hideRefs", "!refs/tags"],
    ["uploadpack.allowAnySHA1InWant", "false"],
    ["uploadpack.allowFilter", "false"],
    ["uploadpack.allowRefInWant", "false"],
  ];
}

/**
 * Longest piece of memory that git takes at once for a push. An object is made whole from its delta, and a delta of a few kB can say that
 * it is as large as this machine's memory; several at once would have the kernel end other runs' sandboxes first. What GitHub takes is
 * 100 MiB at most, and two million objects fit.
 */
const pushAllocation = "128m";

/** Of git's own: for one `git http-backend` and what it starts. */
export function backendAllocation(service: "git-upload-pack" | "git-receive-pack"): Record<string, string> {
  return service === "git-receive-pack" ? { GIT_ALLOC_LIMIT: pushAllocation } : {};
}

/** `protocol`: how this one command may reach another repository, if at all. */
export function gitEnvironment(
  wish: { config?: GitConfig; protocol?: "http" | "file"; extra?: Record<string, string> } = {},
): Record<string, string> {
  const protocol: GitConfig = [
    ["protocol.allow", "never"],
    ...(wish.protocol ? [[`protocol.${wish.protocol}.allow`, "always"] as const] : []),
  ];
  const config = [...everyCommand, ...protocol, ...(wish.config ?? [])];
  const environment: Record<string, string> = {
    ...wish.extra,
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: "/nonexistent",
    LANG: "C",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_ASKPASS: "/bin/false",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_COUNT: String(config.length),
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
  };
  config.forEach(([key, value], index) => {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return environment;
}
