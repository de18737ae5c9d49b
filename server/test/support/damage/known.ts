/** A fault that the engine has, and why it is not mended yet. */
export interface Known {
  readonly pattern: RegExp
  readonly reason: string
}

export type Suite = 'power-loss' | 'failing-calls' | 'bit-flips' | 'mutants'

/**
 * All faults that are known. Other faults fail the tests; a fault that the long run does not find
 * any more fails it too, so that it leaves this list.
 */
export const known: Readonly<Record<Suite, readonly Known[]>> = {
  'power-loss': [],
  'failing-calls': [
    {
      pattern: /^a read of data\.mdb fails: LMDB's own read: died: SIG/,
      reason:
        'LMDB ends the process if its own first reads fail. The check of its pages reads the same ' +
        'places just before, so that the system has them in memory.',
    },
  ],
  'bit-flips': [],
  mutants: [],
}
