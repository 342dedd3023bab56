/** ◆ How a daemon's process is started: a value, so that it can be looked at and tested before anything runs. */

export interface Launch {
  file: string;
  args: string[];
}

export interface LaunchWish {
  /** Whether we are root, and so can confine. */
  root: boolean;
  /** "none": an empty network namespace with `lo` only. */
  network: "host" | "none";
  /** Absolute paths of node, of the file that every daemon begins with, and of the daemon's own. */
  node: string;
  begin: string;
  script: string;
}

/** As root the daemon begins as root with only the capabilities to read our source files, which may lie in a folder that its account
 *  cannot enter, and to change account: `dropToAccount` does that in its first lines. Everything else is out of reach from the start. */
export function composeLaunch(wish: LaunchWish): Launch {
  // Without --disable-sigusr1 any process of the same uid could open node's debugger in the daemon.
  const node = [wish.node, "--disable-sigusr1", wish.begin, wish.script];
  if (!wish.root) return { file: node[0] as string, args: node.slice(1) };
  const confined = [
    "setpriv",
    "--bounding-set=-all,+setuid,+setgid,+dac_read_search",
    "--inh-caps=-all",
    "--clear-groups",
    "--no-new-privs",
    "--",
    ...node,
  ];
  if (wish.network === "host") return { file: confined[0] as string, args: confined.slice(1) };
  // The script is fixed; what varies comes as arguments and is never read by the shell.
  return { file: "unshare", args: ["--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", ...confined] };
}
