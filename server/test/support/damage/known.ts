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
  'power-loss': [
    {
      pattern: /^a kill, a start and a power loss: lost: /,
      reason: 'A start goes on with a seal that the process before it had not synced.',
    },
  ],
  'failing-calls': [
    {
      pattern: /^a write reports an error after its bytes: end,restsAtEnd: refused: .*are missing/,
      reason:
        'After a failed write the rest of the half is moved, without the commits that failed.',
    },
    {
      pattern: /^a failed write, a start and a power loss: (lost|refused): /,
      reason: 'A start goes on behind commits that are only in the memory of the system.',
    },
    {
      pattern: /^an unreadable place of journal: lost: /,
      reason: 'A read that ends early counts as the end of the journal.',
    },
    {
      pattern: /^(a call fails|LMDB cannot read its file): call \d+.*: died: SIGSEGV/,
      reason: 'LMDB ends the process if its first reads or writes fail.',
    },
  ],
  'bit-flips': [
    {
      pattern: /: journal, head seal: (wrong|silent)/,
      reason: 'The seal of the journal has no checksum: a changed one makes it an empty journal.',
    },
    {
      pattern: /: data\.mdb, [^:]*(page|node|meta|tree|anywhere|databases)[^:]*(: [^:]+)?: /,
      reason: 'LMDB has no checksums of its pages, and trusts what is in them.',
    },
  ],
  mutants: [],
}
