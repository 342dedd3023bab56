/** What this process has worked so far, in milliseconds of a processor: not what it waited for others on a busy machine. */
export function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
