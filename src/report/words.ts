/** "840 ms", "12.4 s", "4 min 05 s", "2 h 03 min". Negative spans (a clock set back) read as zero. */
export function printSpan(spanMs: number): string {
  const ms = Math.max(0, spanMs);
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** Thousands with commas: 1234567 -> "1,234,567". */
export function printCount(count: number): string {
  return String(Math.trunc(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 request", "2,000 requests". */
export function printNumberOf(count: number, one: string, many = `${one}s`): string {
  return `${printCount(count)} ${count === 1 ? one : many}`;
}

/** Decimal units, as GitHub shows sizes: "512 B", "1.5 kB", "20 MB", "1.5 GB". */
export function printBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${trim(bytes / 1_000)} kB`;
  if (bytes < 1_000_000_000) return `${trim(bytes / 1_000_000)} MB`;
  return `${trim(bytes / 1_000_000_000)} GB`;
}

/** Whole cents above ten cents, four digits below, so that a cheap run is not shown as free. */
export function printCost(costUsd: number | undefined): string {
  if (costUsd === undefined) return "price unknown";
  return `$${costUsd >= 0.1 || costUsd === 0 ? costUsd.toFixed(2) : costUsd.toFixed(4)}`;
}

/** "24 Nov 2026, 23:29:04 UTC". */
export function printTime(atMs: number): string {
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const at = new Date(atMs);
  return `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}, ${printClock(atMs)} UTC`;
}

/** "23:29:04", UTC. */
export function printClock(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 19);
}

function trim(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}
