import { recordKey } from '../disk/keyspace.ts'
import type { AtomicWrite, Check, Commit, Revision } from '../engine/engine.ts'
import type { OnceOnly } from '../idempotency/repeatable.ts'
import type { StoreUse } from '../identity/activity.ts'
import type { Caller } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { type StoreSnapshot, storeBusy } from '../identity/store-reader.ts'
import { type Awaitable, andThen } from '../kernel/awaitable.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { isStorageAway, StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { lostRace, retry } from '../kernel/retry.ts'
import { assertCondition } from './condition.ts'
import type { Condition } from './record.ts'
import type { RecordParts } from './record-parts.ts'
import { type Replaced, type Replacement, recordsWrite, replacedOf } from './record-write.ts'

/** What a write does with the records that it found. */
export interface Decision<T> {
  /** At most one for each key. None: nothing is written. */
  readonly replacements: readonly Replacement[]
  readonly result: T
  /** Adds more to the same commit. */
  complete?(write: AtomicWrite): AtomicWrite
}

/** One atomic change of one or several records of a store. */
export interface RecordChange<T> {
  readonly storeId: string
  readonly caller: Caller
  /** The keys of all records that may change, each once. */
  readonly keys: readonly string[]
  /** A condition on the first of these records. */
  readonly condition?: Condition | undefined
  /** How the store's statistics count this change, and how many times. */
  readonly use: StoreUse
  readonly useCount?: number
  /** The change is made once, however often its request is sent. */
  readonly once?: OnceOnly<T> | undefined
  /** The change depends on more of the records than their place and size. */
  readonly needsValues?: boolean
  /** Called again with the new state if another writer changed a record first. */
  decide(before: readonly (Replaced | undefined)[], snapshot: StoreSnapshot): Awaitable<Decision<T>>
}

/** `revision` is the revision of the commit; undefined if nothing was written. */
export interface Written<T> {
  readonly result: T
  readonly revision: Revision | undefined
}

/** The state that a write is based on, read or guessed. */
interface Found {
  readonly snapshot: StoreSnapshot
  readonly before: readonly (Replaced | undefined)[]
  readonly isGuess: boolean
}

/**
 * The only way to change records: put, add, delete and batch each pass their own `decide`. Waits
 * for its turn under the keys (see `KeyQueue`), guesses or reads the records, decides, commits,
 * learns whether the guess was right, and remembers what it wrote. Throws `condition-failed`,
 * `store-busy` and what the caller and `decide` throw.
 */
export function changeRecords<T>(parts: RecordParts, change: RecordChange<T>): Promise<Written<T>> {
  const names = change.keys.map((key) => `${change.storeId}/${key}`)
  let isNoted = false
  const attempt = async (index: number): Promise<Written<T> | typeof lostRace> => {
    const done = await change.once?.find()
    if (done) return done
    const guess = index === 0 ? guessOf(parts, change, names) : undefined
    // Only awaits promises: this saves every write a turn of the event loop.
    const finding = guess ?? read(parts, change)
    const found = finding instanceof Promise ? await finding : finding
    if (!guess && !isNoted) {
      isNoted = true
      const noting = noteUse(parts, change, found.snapshot)
      if (noting) await noting
    }
    const deciding = change.decide(found.before, found.snapshot)
    const decision = deciding instanceof Promise ? await deciding : deciding
    return commit(parts, { change, names, found, decision })
  }
  const refuse = (): never => {
    throw storeBusy(change.storeId)
  }
  const run = (): Promise<Written<T>> => {
    const running = retry(limits.writeAttemptsMax, attempt, refuse)
    return change.once ? orDone(running, change.once) : running
  }
  return parts.queue.runAll(names, run)
}

/**
 * Another server may have done the same request since it was looked up: then that is why its
 * condition does not hold any more.
 */
async function orDone<T>(running: Promise<Written<T>>, once: OnceOnly<T>): Promise<Written<T>> {
  try {
    return await running
  } catch (error) {
    if (!(error instanceof StorageError) || isStorageAway(error)) throw error
    const done = await once.find()
    if (done) return done
    throw error
  }
}

interface Proposal<T> {
  readonly change: RecordChange<T>
  readonly names: readonly string[]
  readonly found: Found
  readonly decision: Decision<T>
}

async function commit<T>(
  parts: RecordParts,
  { change, names, found, decision }: Proposal<T>,
): Promise<Written<T> | typeof lostRace> {
  const { snapshot, isGuess } = found
  const { replacements, result } = decision
  // The commit only checks the records that it writes, so it cannot confirm guesses of others.
  if (isGuess && replacements.length < names.length) return lostRace
  const isChange = replacements.length > 0
  if (!isChange && !change.once) return { result, revision: undefined }
  const write = writeOf(parts, { change, found, decision })
  let committed: Commit
  try {
    committed = await parts.engine.commit(write)
  } catch (error) {
    parts.trimmer.noteFailure(change.storeId, error)
    throw error
  }
  if (isGuess) parts.guesses.learn({ wasRight: committed.applied })
  if (!committed.applied) return lostRace
  const { revision } = committed
  if (!isChange) return { result, revision: undefined }
  // The identity is only guessed for stores that never expire, so the use may be noted afterwards.
  if (isGuess) void noteUse(parts, change, snapshot)
  parts.guesses.note(change.storeId, snapshot.identity, { replacements, revision })
  parts.trimmer.note(change.storeId, revision)
  parts.tally.note(write)
  return { result, revision }
}

function writeOf<T>(
  { clock }: RecordParts,
  { change, found, decision }: Omit<Proposal<T>, 'names'>,
): AtomicWrite {
  const { caller, once } = change
  const { replacements, result, complete } = decision
  const now = clock.now()
  const isChange = replacements.length > 0
  const own: AtomicWrite = isChange
    ? recordsWrite(found.snapshot, { replacements, actor: caller.actor, now })
    : { checks: [found.snapshot.check, ...recordChecks(change, found)] }
  const whole = complete ? complete(own) : own
  return once ? once.note(whole, result, { isChange }) : whole
}

/** That there is nothing to do is noted only while it is true. */
function recordChecks<T>({ keys }: RecordChange<T>, { snapshot, before }: Found): readonly Check[] {
  const { contentId } = snapshot.identity
  return keys.map((key, at) => ({
    key: recordKey(contentId, key),
    revision: before[at]?.revision,
  }))
}

/** The store and all of these records as this server left them; undefined: they must be read. */
function guessOf<T>(
  { reader, guesses }: RecordParts,
  { storeId, caller, condition, keys, needsValues }: RecordChange<T>,
  names: readonly string[],
): Found | undefined {
  // A condition needs more of the record than a guess holds.
  if (condition || needsValues || keys.length === 0 || !guesses.isWorthwhile()) return undefined
  const snapshot = reader.guess(storeId, caller)
  if (!snapshot) return undefined
  const before: Replaced[] = []
  for (const name of names) {
    const guess = guesses.get(name, snapshot.identity)
    if (!guess) return undefined
    before.push(guess)
  }
  return { snapshot, before, isGuess: true }
}

function read<T>(
  { reader }: RecordParts,
  { storeId, caller, condition, keys }: RecordChange<T>,
): Awaitable<Found> {
  const keysOf = ({ contentId }: StoreIdentity): Bytes[] =>
    keys.map((key) => recordKey(contentId, key))
  return andThen(reader.read(storeId, { keysOf, caller }), (snapshot) => {
    assertCondition(condition, snapshot.entries[0])
    const before = keys.map((_, index) => replacedOf(snapshot.entries[index]))
    return { snapshot, before, isGuess: false }
  })
}

/**
 * Notes the use. The promise resolves once the store can't expire before the change is committed.
 */
function noteUse<T>(
  { activities }: RecordParts,
  { use, useCount = 1 }: RecordChange<T>,
  snapshot: StoreSnapshot,
): Promise<unknown> | undefined {
  let noting: Promise<unknown> | undefined
  for (let count = 0; count < useCount; count += 1) {
    noting = activities.touch(snapshot, use) ?? noting
  }
  return noting
}
