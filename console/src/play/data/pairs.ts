/** Values by key, each as JSON text. */
export type PairValues = ReadonlyMap<string, string>

/** The pairs of a project, as far as who looks at them may. All reject with Refusal. */
export interface Pairs {
  /** Whether all pairs are seen, or those alone whose keys are known. */
  readonly areAll: boolean
  /** Those to see; `changed` may have changed since the last time, undefined: any may. */
  read(changed: ReadonlySet<string> | undefined): Promise<PairValues>
  set(key: string, json: string): Promise<void>
  /** Done as well where there is none. */
  delete(key: string): Promise<void>
}
