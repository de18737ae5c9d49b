import type { Entry } from '../../engine/engine.ts'
import { OnceOnly, type RepeatableRequest } from '../../idempotency/repeatable.ts'
import type { Caller } from '../../identity/caller.ts'
import { assert } from '../../kernel/assert.ts'
import { StorageError } from '../../kernel/errors.ts'
import { decodeInfo } from '../../values/record-info.ts'
import { type Condition, headOf, type PutResult, type StoreRecord } from '../record.ts'
import type { RecordParts } from '../record-parts.ts'
import type { Replaced, Replacement } from '../record-write.ts'
import { changeRecords, type Decision, type RecordChange } from '../record-writer.ts'
import { assertOpensNoStore, assertRecordKey } from '../validate.ts'

/** A record's key, and the other one that it gets. */
export interface Move {
  readonly from: string
  readonly to: string
  /** True: a record that has the key `to` is replaced. */
  readonly isOverwriting?: boolean
}

export interface MoveOptions {
  /** On the record that is moved. */
  readonly condition?: Condition | undefined
  readonly request?: RepeatableRequest | undefined
  /**
   * Called with the record before it is moved; what it throws refuses the move. Called again if
   * another writer was faster. The record's value is disposed of at the end.
   */
  readonly check?: ((record: StoreRecord) => Promise<void>) | undefined
}

interface Wanted extends MoveOptions {
  readonly move: Move
}

/** Moves one record, see `Store.move`. */
export async function moveRecord(
  parts: RecordParts,
  { storeId, caller }: { storeId: string; caller: Caller },
  wanted: Wanted,
): Promise<PutResult> {
  const { move, condition, request } = wanted
  const { from, to } = move
  assertRecordKey(from)
  assertRecordKey(to)
  assert(from !== to, 'A record is moved to another key.')
  assertOpensNoStore(to, storeId)
  const subject = { storeId, recordKey: from }
  const change: RecordChange<true> = {
    storeId,
    caller,
    keys: [from, to],
    condition,
    once: request && new OnceOnly<true>(parts, request, subject),
    needsValues: true,
    use: 'write',
    decide: (before, { entries }) => decisionOf(parts, wanted, { before, entries }),
  }
  // While it runs, the value that `check` reads is not removed, although it may be replaced.
  const { revision } = await parts.values.look(() => changeRecords(parts, change))
  assert(revision !== undefined, 'A move is always written.')
  return { revision }
}

async function decisionOf(
  parts: RecordParts,
  { move: { from, to, isOverwriting = false }, check }: Wanted,
  found: {
    before: readonly (Replaced | undefined)[]
    entries: readonly (Entry | undefined)[]
  },
): Promise<Decision<true>> {
  const [before, replaced] = found.before
  const [entry] = found.entries
  if (!before || !entry) throw new StorageError('record-not-found', 'There is no such record.')
  if (replaced && !isOverwriting) {
    throw new StorageError('record-exists', 'There is a record with the new key already.')
  }
  const info = decodeInfo(entry)
  if (check) {
    using value = parts.values.open(info)
    await check({ ...headOf(from, info, entry.revision), value })
  }
  // The record is new under its key, so it has the revision of this commit and no older one.
  const { valueRevision: _, ...kept } = info
  const next = { ...kept, modifiedAt: parts.clock.now() }
  const replacements: readonly Replacement[] = [
    { key: from, before, next: undefined, handsOnValue: true },
    { key: to, before: replaced, next },
  ]
  return { replacements, result: true }
}
