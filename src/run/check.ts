/** One thing that was verified about a sandbox before the agent started. */
export interface SandboxCheck {
  /** Stable name: "uid", "capabilities", "network.public-address" … */
  name: string;
  /** Where it was looked at: from inside the sandbox, or from the engine's and the host's side. */
  side: "inside" | "outside";
  ok: boolean;
  /** What was seen, one short line. */
  seen: string;
}
