import type { PathAction } from "../../run/path-rule.ts";
import type { CanonPath } from "./canon.ts";

export interface Rule {
  name: string;
  action: Exclude<PathAction, "allow">;
  why: string;
  matches(path: CanonPath): boolean;
}

/** Anywhere in the path: an editor, an agent or a hook manager may be started in any folder of a repository. */
const under =
  (...folders: string[]) =>
  ({ parts }: CanonPath) =>
    parts.some((part) => folders.includes(part));
const named =
  (...names: string[]) =>
  ({ name }: CanonPath) =>
    names.includes(name);
const startsWith =
  (...beginnings: string[]) =>
  ({ name }: CanonPath) =>
    beginnings.some((beginning) => name.startsWith(beginning));
const endsWith =
  (...ends: string[]) =>
  ({ name }: CanonPath) =>
    ends.some((end) => name.endsWith(end));
/** The path itself, or whatever lies under it, from the repository's root. */
const at =
  (...paths: string[]) =>
  ({ text }: CanonPath) =>
    paths.some((path) => text === path || text.startsWith(`${path}/`));
const any =
  (...all: ((path: CanonPath) => boolean)[]) =>
  (path: CanonPath) =>
    all.some((each) => each(path));

/** ◆ In order: the first that matches decides. Names are in their canonical form, lower case. */
export const rules: readonly Rule[] = [
  {
    name: "workflow",
    action: "refuse",
    why: "Workflow files and actions run with the repository's secrets",
    // `.github` itself is never a file's path: where it is, a link or a submodule stands in its place.
    matches: any(
      at(".github/workflows", ".github/actions"),
      named("action.yml", "action.yaml"),
      ({ text }) => text === ".github",
    ),
  },
  {
    name: "own-settings",
    action: "hold",
    why: "It says what Airlock may do in this repository",
    matches: at(".github/agent.yml", ".github/agent.yaml"),
  },
  {
    name: "code-owners",
    action: "hold",
    why: "It decides who must review a change",
    matches: named("codeowners"),
  },
  {
    name: "other-ci",
    action: "hold",
    why: "Another CI runs it with secrets of its own",
    matches: any(
      under(".circleci", ".buildkite", ".woodpecker", ".semaphore", ".tekton", ".teamcity", ".gitlab"),
      named("jenkinsfile", "azure-pipelines.yml", "azure-pipelines.yaml", "bitbucket-pipelines.yml", "cloudbuild.yaml"),
      named(
        "cloudbuild.yml",
        "cloudbuild.json",
        "buildkite.yml",
        "buildkite.yaml",
        "appveyor.yml",
        ".appveyor.yml",
        ".drone.yml",
        ".drone.yaml",
        "buildspec.yml",
        "buildspec.yaml",
      ),
      startsWith(".gitlab-ci", ".travis", ".cirrus", ".woodpecker", "azure-pipelines"),
    ),
  },
  {
    name: "bots",
    action: "hold",
    why: "A bot with rights of its own acts on it",
    matches: any(
      at(".github/dependabot.yml", ".github/dependabot.yaml", ".github/mergify.yml", ".github/settings.yml"),
      startsWith("renovate.json", ".renovaterc", ".mergify", ".kodiak.", ".bulldozer.", ".pullapprove."),
      under(".mergify"),
      named("bors.toml", ".policy.yml", ".asf.yaml"),
    ),
  },
  {
    name: "agent-settings",
    action: "hold",
    why: "Coding agents run commands, hooks and servers that it names",
    matches: any(
      under(
        ".claude",
        ".claude-plugin",
        ".cursor",
        ".windsurf",
        ".codex",
        ".gemini",
        ".continue",
        ".roo",
        ".clinerules",
        ".kiro",
      ),
      under(".amazonq", ".junie", ".opencode", ".aider", ".agents", ".copilot", ".openhands", ".qwen", ".kilocode", ".trae"),
      under(".factory", ".augment", ".goose", ".agent", ".amp", ".crush", ".roomodes", ".kilocodemodes", ".rules"),
      named(".crush.json", "crush.json"),
      named(".mcp.json", "mcp.json", ".cursorrules", ".windsurfrules", "opencode.json", "opencode.jsonc", ".aider.conf.yml"),
      at(".github/copilot", ".github/agents", ".github/hooks", ".github/prompts", ".github/instructions", ".github/chatmodes"),
      ({ text }) => text.startsWith(".github/copilot"),
    ),
  },
  {
    name: "agent-words",
    action: "draft",
    why: "The next agent takes it as instructions",
    matches: named("claude.md", "claude.local.md", "agents.md", "agents.override.md", "agent.md", "gemini.md", "qwen.md"),
  },
  {
    name: "editor-settings",
    action: "hold",
    why: "Editors run tasks and programs that it names",
    matches: any(
      under(".vscode", ".idea", ".fleet", ".zed", ".nvim", ".vim", ".run", ".vs", ".helix", ".nova"),
      named(".exrc", ".nvimrc", ".nvim.lua", ".vimrc", ".lvimrc", ".dir-locals.el", ".dir-locals-2.el", ".ycm_extra_conf.py"),
      endsWith(".code-workspace", ".sublime-project", ".sublime-workspace"),
    ),
  },
  {
    name: "dev-container",
    action: "hold",
    why: "It runs when somebody opens the repository in a container or a hosted workspace",
    matches: any(
      under(".devcontainer", ".idx", ".gitpod", ".codesandbox"),
      named(
        ".devcontainer.json",
        ".replit",
        "replit.nix",
        "devfile.yaml",
        ".devfile.yaml",
        "vagrantfile",
        ".stackblitzrc",
        "devbox.json",
      ),
      startsWith(".gitpod."),
    ),
  },
  {
    name: "git-hooks",
    action: "hold",
    why: "Git runs it on the machine of whoever commits or checks out",
    matches: any(
      under(".husky", ".githooks", ".git-hooks", ".hooks", ".lefthook"),
      startsWith(
        "lefthook.",
        ".lefthook.",
        "lefthook-local.",
        ".pre-commit-",
        ".lintstagedrc",
        "lint-staged.config.",
        ".huskyrc",
      ),
      startsWith(".simple-git-hooks", "simple-git-hooks.", ".overcommit", "husky.config."),
    ),
  },
  {
    name: "package-settings",
    action: "hold",
    why: "Package managers and shells take addresses, credentials and commands from it",
    matches: any(
      named(
        ".npmrc",
        ".yarnrc",
        ".pnpmfile.cjs",
        ".pnpmfile.mjs",
        "pnpmfile.js",
        "bunfig.toml",
        "pip.conf",
        "pip.ini",
        ".pypirc",
      ),
      named(
        ".envrc",
        ".tool-versions",
        "mise.toml",
        ".mise.toml",
        ".rtx.toml",
        ".bazelrc",
        ".gemrc",
        ".condarc",
        "uv.toml",
        ".netrc",
      ),
      named("nuget.config", ".gitconfig", ".curlrc", ".wgetrc", ".gdbinit", ".lldbinit", "sitecustomize.py", "usercustomize.py"),
      // Read by a shell or a debugger from the folder that it is started in.
      named(".rprofile", ".ghci", ".ocamlinit", ".iex.exs", ".irbrc", ".pryrc", ".pdbrc", ".bazeliskrc"),
      startsWith(".yarnrc.", "mise.", ".mise.", ".pnp.", ".envrc."),
      under(".yarn", ".cargo", ".mvn", ".bundle", ".mise", ".direnv"),
      ({ text }) => /(^|\/)mise\/config\b[^/]*\.toml$/.test(text),
      ({ text }) => /(^|\/)gradle\/wrapper(\/|$)/.test(text),
    ),
  },
  {
    name: "git-settings",
    action: "hold",
    why: "Git fetches or runs what it names at the next checkout",
    // A repository that lies in the tree already runs programs by its config alone.
    matches: any(named(".gitmodules", ".gitattributes", ".lfsconfig"), under(".git"), ({ text }) =>
      /\.git\/config(\.worktree)?$/.test(text),
    ),
  },
  {
    name: "short-name",
    action: "hold",
    why: "On Windows it may be another file's short name",
    matches: ({ parts }) => parts.some((part) => /^[^.]{1,6}~\d(\.[^.]{0,3})?$/.test(part)),
  },
];
