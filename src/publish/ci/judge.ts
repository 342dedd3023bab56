import { asList, asRecord, type Workflow } from "./workflow.ts";

/** How often a reusable workflow may call the next: GitHub allows ten. */
const maxDepth = 10;

/**
 * ◆ Why what this workflow runs may see more than the code: secrets, a token that writes or signs, a machine of the owner's. Empty: it may
 * not. `find`: another workflow of the same commit, undefined where it is not there or cannot be read.
 */
export function findPowers(workflow: Workflow, find: (path: string) => Workflow | undefined, depth = 0): string[] {
  const powers = new Set<string>();
  if (namesSecrets(workflow.root)) powers.add("it uses secrets");
  for (const [name, job] of workflow.jobs) {
    const permissions = job.permissions ?? workflow.permissions;
    // A called workflow has at most what its caller gives.
    if (depth === 0 || job.permissions !== undefined) for (const power of powersOfToken(permissions)) powers.add(power);
    if (job.environment !== undefined) powers.add(`its job ${name} runs in an environment`);
    if (job.uses === undefined) {
      if (!isHosted(job)) powers.add(`its job ${name} may run on a machine of your own`);
      continue;
    }
    const path = typeof job.uses === "string" ? /^\.\/(\.github\/workflows\/[^/@]+\.ya?ml)$/.exec(job.uses)?.[1] : undefined;
    const called = path === undefined || depth >= maxDepth ? undefined : find(path);
    if (!called) powers.add(`its job ${name} calls a workflow that cannot be read here`);
    else for (const power of findPowers(called, find, depth + 1)) powers.add(`${power} (in ${called.path})`);
  }
  return [...powers];
}

function powersOfToken(permissions: unknown): string[] {
  // `permissions:` with nothing after it: what GitHub makes of that is not written down.
  if (permissions === undefined || permissions === null) return ["it does not say its permissions, so its token may write"];
  if (permissions === "read-all") return [];
  const record = asRecord(permissions);
  if (!record) return ["its token may write"];
  const wider = Object.entries(record).filter(([, level]) => level !== "read" && level !== "none");
  return wider.map(([name]) => (name === "id-token" ? "its token may sign in elsewhere (id-token)" : "its token may write"));
}

const hosted = /^(ubuntu|windows|macos)-(latest|\d[\w.]{0,10})(-(arm|intel|large|xlarge|slim))?$/;

/** GitHub's own machines, by name or by a matrix of names. Larger runners have names of the owner's choice: those are doubt. */
function isHosted(job: Record<string, unknown>): boolean {
  const labels = asList(job["runs-on"]);
  return labels !== undefined && labels.length > 0 && labels.every((label) => hosted.test(label) || isHostedMatrix(label, job));
}

function isHostedMatrix(label: string, job: Record<string, unknown>): boolean {
  const key = /^\$\{\{ *matrix\.([\w-]+) *\}\}$/.exec(label)?.[1];
  const matrix = asRecord(asRecord(job.strategy)?.matrix);
  if (key === undefined || !matrix) return false;
  const named = matrix[key] === undefined ? [] : asList(matrix[key]);
  const included = matrix.include === undefined ? [] : matrix.include;
  if (!named || !Array.isArray(included)) return false;
  const more = included.map((entry) => asRecord(entry)?.[key]).filter((value) => value !== undefined);
  const all = [...named, ...more];
  return all.length > 0 && all.every((value) => typeof value === "string" && hosted.test(value));
}

/** Anywhere, as expressions are read without regard to case; `secrets.GITHUB_TOKEN` is the token, which its permissions are read for. */
function namesSecrets(value: unknown, key = "", depth = 0): boolean {
  if (depth > 100) return true;
  if (typeof value === "string") {
    if (!value.includes("${{") && key !== "if") return key === "secrets";
    return /secrets/i.test(value.replaceAll(/\bsecrets\.GITHUB_TOKEN\b/gi, ""));
  }
  if (Array.isArray(value)) return value.some((each) => namesSecrets(each, key, depth + 1));
  const record = asRecord(value);
  if (!record) return false;
  // `secrets: inherit` or a list of them, handed to a workflow that is called.
  return Object.entries(record).some(
    ([name, each]) => (name.includes("${{") && /secrets/i.test(name)) || namesSecrets(each, name.toLowerCase(), depth + 1),
  );
}
