import type { AtomicWrite } from '../engine/engine.ts'
import type { Caller } from '../identity/caller.ts'
import { type StoreSnapshot, storeBusy } from '../identity/store-reader.ts'
import type { Awaitable } from '../kernel/awaitable.ts'
import { limits } from '../kernel/limits.ts'
import type { StoreParts } from '../stores/store.ts'
import type { RecordInfo } from '../values/record-info.ts'
import { assertCondition } from './condition.ts'
import type { Condition, StoredRecord } from './record.ts'
import { type Replaced, replacedOf } from './record-write.ts'

/** A record as it shall be, and the write that makes it so. */
export interface Made {
  readonly next: RecordInfo
  readonly write: AtomicWrite
}

export interface Replacement {
  readonly storeId: string
  readonly key: string
  readonly caller: Caller
  readonly condition: Condition | undefined
  /** The store with the entry of the record. */
  find(): Awaitable<StoreSnapshot>
  make(snapshot: StoreSnapshot, before: Replaced | undefined): Awaitable<Made>
}

/** Stores a record over what is there. In turn of the record, see `KeyQueue`. */
export async function replaceRecord(
  parts: StoreParts,
  replacement: Replacement,
): Promise<StoredRecord> {
  const { storeId, key } = replacement
  const name = `${storeId}/${key}`
  let isNoted = false
  for (let attempt = 0; attempt < limits.writeAttemptsMax; attempt += 1) {
    const guess = attempt === 0 ? guessOf(parts, replacement, name) : undefined
    // Waited for only where there is something to wait for: a turn less for every write.
    const found = guess?.snapshot ?? replacement.find()
    const snapshot = found instanceof Promise ? await found : found
    const before = guess ? guess.before : replacedOf(snapshot.entries[0])
    if (!guess) {
      assertCondition(replacement.condition, snapshot.entries[0])
      // Noted before it is written, so that the store does not end in between.
      const noted = isNoted ? undefined : parts.activities.touch(snapshot, 'write')
      if (noted) await noted
      isNoted = true
    }
    const making = replacement.make(snapshot, before)
    const { next, write } = making instanceof Promise ? await making : making
    const commit = await parts.engine.commit(write)
    if (guess) parts.guesses.learn({ wasRight: commit.applied })
    if (!commit.applied) continue
    const { revision } = commit
    if (guess) parts.activities.touch(snapshot, 'write') // of a store that does not end
    parts.guesses.note(name, snapshot.identity, { key, before, next, revision })
    parts.trimmer.note(storeId, revision)
    return { revision }
  }
  throw storeBusy(storeId)
}

/** Conditions are for what is there. */
function guessOf(
  { reader, guesses }: StoreParts,
  { storeId, caller, condition }: Replacement,
  name: string,
): { snapshot: StoreSnapshot; before: Replaced } | undefined {
  if (condition || !guesses.isWorthwhile()) return undefined
  const snapshot = reader.guess(storeId, caller)
  const before = snapshot && guesses.get(name, snapshot.identity)
  return before && { snapshot, before }
}
