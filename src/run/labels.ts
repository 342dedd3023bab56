/** The label that asks for a run, and the one that stands in its place while the run is at work. */
export const labels = { ask: "agent", working: "agent: working" } as const;
