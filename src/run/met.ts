/** A limit that a run's sandbox ran into. None of them ends a run by itself. */
export type Met = "memory" | "processes" | "disk" | "inodes" | "cpus";
