/** Values by key, each as JSON text. */
export type PairValues = ReadonlyMap<string, string>

/** The pairs of a project that the user may see. All methods reject with Refusal. */
export interface Pairs {
  /** Whether all pairs are seen, or only those whose keys are known. */
  readonly areAll: boolean
  /**
   * The pairs to show. `changed`: only these may have changed since the last time; undefined: any.
   */
  read(changed: ReadonlySet<string> | undefined): Promise<PairValues>
  set(key: string, json: string): Promise<void>
  /** Succeeds too if there is no such pair. */
  delete(key: string): Promise<void>
}
