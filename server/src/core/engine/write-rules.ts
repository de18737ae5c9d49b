import { asBuffer, type Bytes } from '../kernel/bytes.ts'
import {
  type AtomicWrite,
  EngineError,
  type EngineLimits,
  type Entry,
  type Revision,
} from './engine.ts'

const stampBytes = 8
const counterBytes = 8

/**
 * The rules that every engine checks before it groups anything. Throws EngineError `refused` for a
 * key, a value or a commit over the engine's limits, an empty key, and a key that is written twice.
 * Returns the bytes of the write's keys and values.
 */
export function measureWrite(write: AtomicWrite, limits: EngineLimits): number {
  const { checks = [], deletes = [], puts = [], sums = [] } = write
  let bytes = 0
  for (const { key } of checks) bytes += measureKey(key.length, limits)
  for (const key of deletes) bytes += measureKey(key.length, limits)
  for (const { key } of sums) bytes += measureKey(key.length, limits)
  for (const { key, value, stamped } of puts) {
    bytes += measureKey(key.length + (stamped ? stampBytes : 0), limits)
    bytes += measureValue(value.length, limits)
  }
  if (bytes > limits.commitBytesMax) {
    throw new EngineError('refused', `A commit of ${bytes} bytes is over the engine's limit.`)
  }
  refuseRepeatedKeys(write)
  return bytes
}

/**
 * The rules that every engine checks before a restore. Throws EngineError `refused` as
 * `measureWrite`, and for damaged entries, counters of a wrong length, and revisions that no commit
 * up to `newest` can have.
 */
export function measureRestore(
  entries: readonly Entry[],
  { newest, limits }: { newest: Revision; limits: EngineLimits },
): void {
  measureWrite({ puts: entries }, limits)
  if (!isRevision(newest)) throw new EngineError('refused', `${newest} is not a valid revision.`)
  for (const { value, revision, isCounter, isDamaged } of entries) {
    if (isDamaged) throw new EngineError('refused', 'A damaged entry cannot be restored.')
    if (!isRevision(revision) || revision > newest) {
      throw new EngineError('refused', `No commit up to ${newest} has the revision ${revision}.`)
    }
    if (isCounter && value.length !== counterBytes) {
      throw new EngineError('refused', `A counter has ${counterBytes} bytes, not ${value.length}.`)
    }
  }
}

function isRevision(revision: Revision): boolean {
  return Number.isSafeInteger(revision) && revision >= 1
}

function measureKey(bytes: number, { keyBytesMax }: EngineLimits): number {
  if (bytes > 0 && bytes <= keyBytesMax) return bytes
  throw new EngineError('refused', `A key of ${bytes} bytes is outside the engine's limits.`)
}

function measureValue(bytes: number, { valueBytesMax }: EngineLimits): number {
  if (bytes <= valueBytesMax) return bytes
  throw new EngineError('refused', `A value of ${bytes} bytes is over the engine's limit.`)
}

/** Up to this many keys are compared pair by pair: cheaper than a set of strings. */
const comparedKeysMax = 8

function refuseRepeatedKeys({ deletes = [], puts = [], sums = [] }: AtomicWrite): void {
  const plain: Bytes[] = []
  const stamped: Bytes[] = []
  for (const put of puts) (put.stamped ? stamped : plain).push(put.key)
  for (const { key } of sums) plain.push(key)
  for (const key of deletes) plain.push(key)
  refuseRepeated(plain)
  refuseRepeated(stamped)
}

function refuseRepeated(keys: readonly Bytes[]): void {
  const isMany = keys.length > comparedKeysMax
  const isRepeated = isMany ? !isAscending(keys) && hasRepeatedName(keys) : hasEqual(keys)
  if (isRepeated) throw new EngineError('refused', 'A commit writes one key twice.')
}

/**
 * Keys in ascending order have no duplicates. This is cheap to check, and the usual case when many
 * entries of a range are removed.
 */
function isAscending(keys: readonly Bytes[]): boolean {
  for (let index = 1; index < keys.length; index += 1) {
    if (Buffer.compare(keys[index - 1] as Bytes, keys[index] as Bytes) >= 0) return false
  }
  return true
}

function hasEqual(keys: readonly Bytes[]): boolean {
  for (let index = 1; index < keys.length; index += 1) {
    if (isAmongFirst(keys, index)) return true
  }
  return false
}

/** Whether the key at `index` also occurs before it. */
function isAmongFirst(keys: readonly Bytes[], index: number): boolean {
  const key = keys[index] as Bytes
  for (let other = 0; other < index; other += 1) {
    const candidate = keys[other] as Bytes
    if (candidate.length === key.length && Buffer.compare(candidate, key) === 0) return true
  }
  return false
}

function hasRepeatedName(keys: readonly Bytes[]): boolean {
  const names = new Set(keys.map((key) => asBuffer(key).toString('latin1')))
  return names.size < keys.length
}
