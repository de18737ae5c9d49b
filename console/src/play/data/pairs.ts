/** Values by key, each as JSON text. */
export type PairValues = ReadonlyMap<string, string>

/** A pair that is to be changed, as the user sees it. */
export interface SeenPair {
  readonly key: string
  /** The value that the user sees, as JSON; undefined: none. */
  readonly seen: string | undefined
}

/** Where changes are told, as server-sent events. */
export interface ChangesAddress {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

/** The pairs of a project that the user may see. All methods reject with Refusal. */
export interface Pairs {
  /** Whether all pairs are seen, or only those whose keys are known. */
  readonly areAll: boolean
  /** Where the changes of these pairs are told; undefined: no key is known yet. */
  readonly changes: ChangesAddress | undefined
  /** How long to wait, in ms, before all pairs are read again. */
  readonly pauseMs: number
  /**
   * The pairs to show. `changed`: only these may have changed since the last time; undefined: any.
   */
  read(changed: ReadonlySet<string> | undefined): Promise<PairValues>
  /** Rejects with ChangedMeanwhile, and changes nothing, if the user saw another value. */
  set(pair: SeenPair, json: string): Promise<void>
  /** As `set`. */
  delete(pair: SeenPair): Promise<void>
}
