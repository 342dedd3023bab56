/** An operator's word that runs are not to begin. */
export interface Paused {
  by: string;
  /** Those that are at work are put away too, and go on when it is taken back. */
  working: boolean;
}
