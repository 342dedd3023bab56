import { canonPath } from "../policy/canon.ts";

/**
 * ◆ Whether a change of this path alters what workflows execute besides the program itself: package scripts, build and test settings,
 * make and container files, scripts. `commands`: all that the workflows run, as text: a file that they name counts as well, and so does
 * all that lies in one of `actions`, the folders that they use as actions.
 */
export function isExecutedByCi(path: string, commands: string, actions: readonly string[] = []): boolean {
  const { parts, name, text } = canonPath(path);
  const inside = (folder: string) => folder === "" || text === folder || text.startsWith(`${folder}/`);
  if (actions.some((action) => inside(canonPath(action).text))) return true;
  if (settings.has(name) || scripts.test(name) || settingsShape.test(name)) return true;
  if (parts.slice(0, -1).some((part) => folders.has(part))) return true;
  return commands.toLowerCase().includes(text);
}

const settings = new Set([
  ...["package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", "pnpm-workspace.yaml"],
  ...[
    "setup.py",
    "setup.cfg",
    "pyproject.toml",
    "requirements.txt",
    "poetry.lock",
    "uv.lock",
    "pipfile",
    "pipfile.lock",
    "tox.ini",
  ],
  ...[
    "noxfile.py",
    "conftest.py",
    "pytest.ini",
    "manage.py",
    "tasks.py",
    "build.rs",
    "cargo.toml",
    "cargo.lock",
    "go.mod",
    "go.sum",
  ],
  ...["makefile", "gnumakefile", "justfile", ".justfile", "taskfile.yml", "rakefile", "gemfile", "gemfile.lock", "pom.xml"],
  ...[
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
    "gradlew",
    "mvnw",
    "cmakelists.txt",
    "meson.build",
  ],
  ...["build", "build.bazel", "workspace", "module.bazel", "docker-bake.hcl", "earthfile", "composer.json", "composer.lock"],
  ...[
    "mix.exs",
    "deno.json",
    "deno.jsonc",
    "turbo.json",
    "nx.json",
    "lerna.json",
    "wrangler.toml",
    "flake.nix",
    "default.nix",
    "shell.nix",
  ],
  ...["codecov.yml", ".codecov.yml", "sonar-project.properties", ".eslintrc.js", ".eslintrc.cjs", ".babelrc.js", "action.yml"],
]);
const settingsShape =
  /^(dockerfile|containerfile)|\.dockerfile$|^(docker-)?compose[\w.-]*\.ya?ml$|^requirements[\w-]*\.txt$|\.(gradle|mk|cmake|csproj|fsproj|props|targets|gemspec)$|\.config\.[cm]?[jt]s$|^(gulpfile|gruntfile|jakefile)\b/;
const scripts = /\.(sh|bash|zsh|ps1|bat|cmd)$/;
const folders = new Set(["scripts", "script", "bin", "ci", ".ci", "tools", "hack", "build-scripts", ".github", "hooks"]);
