/** ◆ Where the kernel accounts for a process, and what it says there. Versions 1 and 2 of control groups, and both at once. */

export type Controller = "memory" | "pids" | "cpu";

/**
 * The folder of a process's group for this controller, as it is mounted here. `group`: its /proc/PID/cgroup; `mounts`: our own
 * /proc/self/mountinfo. Undefined where no mount shows it.
 */
export function findGroupFolder(controller: Controller, group: string, mounts: string): string | undefined {
  const lines = group.split("\n").map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line)?.slice(1) ?? []);
  const own = lines.find(([names = ""]) => names.split(",").includes(controller))?.[1];
  const path = own ?? lines.find(([names]) => names === "")?.[1];
  if (path === undefined || /(^|\/)\.\.(\/|$)/.test(path)) return undefined;
  for (const mount of mounts.split("\n")) {
    const [before = "", after = ""] = mount.split(" - ");
    const [, , , root = "", point = ""] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    const fits = own === undefined ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(controller);
    if (!fits || !point.startsWith("/")) continue;
    if (root === "/") return `${point}${path}`;
    if (path.startsWith(`${root}/`)) return `${point}${path.slice(root.length)}`;
  }
  return undefined;
}

/** A number of a file of lines "name number"; 0 where it is not there. */
export function readCount(text: string, name: string): number {
  const found = text.split("\n").find((line) => line.startsWith(`${name} `));
  const count = Number(found?.slice(name.length + 1));
  return Number.isFinite(count) ? count : 0;
}
