import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import type { AtomicWrite, Commit } from '../engine/engine.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { Store } from '../stores/store.ts'
import { callerWith, identityWith, owner } from '../testing/callers.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord, readText, textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { check } from '../upkeep/check.ts'
import type { RecordInfo } from '../values/record-info.ts'
import { RecordGuesses } from './record-guesses.ts'

/** Two servers on one engine: `two` changes the records that `one` remembers. */
async function openTwo(): Promise<{ engine: CountingEngine; one: Opened; two: Opened }> {
  const engine = new CountingEngine()
  const first = await openTestDomain(engine)
  const second = await openTestDomain(engine, { environment: first.environment })
  const store = await first.stores.create({ ownerId: owner, name: 'coats' })
  await store.put(textRecord('key', 'one'))
  return {
    engine,
    one: { domain: first, store },
    two: { domain: second, store: await second.stores.find(store.id) },
  }
}

interface Opened {
  readonly domain: TestDomain
  readonly store: Store
}

class CountingEngine extends MemoryEngine {
  reads = 0

  /** Commits whose checks failed. */
  lost = 0

  override async commit(write: AtomicWrite): Promise<Commit> {
    const commit = await super.commit(write)
    if (!commit.applied) this.lost += 1
    return commit
  }

  override get(...asked: Parameters<MemoryEngine['get']>): ReturnType<MemoryEngine['get']> {
    this.reads += 1
    return super.get(...asked)
  }
}

const smallInfo: RecordInfo = {
  contentType: 'text/plain',
  contentEncoding: '',
  size: 1,
  modifiedAt: 1,
  jsonState: 'unchecked',
  place: { kind: 'inline', bytes: Buffer.of(1) },
}

const small = (text: string) => ({
  key: 'key',
  contentType: 'text/plain',
  bytes: Buffer.from(text),
  jsonState: 'unchecked' as const,
})

describe('a record that this server remembers', () => {
  it('is written again without a read, alone and in a batch', async () => {
    const { engine, one } = await openTwo()
    engine.reads = 0
    await one.store.put(textRecord('key', 'longer'))
    expect(await one.store.batch.put([small('three')])).toEqual([true])
    expect(engine.reads).toBe(0)
    expect(await one.store.info()).toMatchObject({ recordCount: 1, storedBytes: 5 })
  })

  it.each([
    ['alone', (store: Store) => store.delete('key')],
    ['in a batch', async (store: Store) => (await store.batch.delete(['key']))[0]],
  ] as const)('is deleted %s without a read, and forgotten', async (_, remove) => {
    const { engine, one } = await openTwo()
    engine.reads = 0
    expect(await remove(one.store)).toBe(true)
    expect(engine.reads).toBe(0)
    // A guess that stayed behind would cost the next write a commit in vain.
    await one.store.put(textRecord('key', 'again'))
    expect(engine.lost).toBe(0)
    expect(await remove(one.store)).toBe(true)
    expect(await remove(one.store)).toBe(false)
    expect(await one.store.info()).toMatchObject({ recordCount: 0, storedBytes: 0 })
    expect(await problemsOf(engine)).toEqual([])
  })

  it('is forgotten when the server notes whether its value is JSON', async () => {
    const { engine, one } = await openTwo()
    const { revision } = await one.store.put(textRecord('key', '[]'))
    one.store.rememberJson('key', revision, 'sound')
    await one.store.put(textRecord('key', '{}'))
    expect(engine.lost).toBe(0)
  })

  it('is read if the write has a condition', async () => {
    const { engine, one } = await openTwo()
    engine.reads = 0
    expect(await codeOf(one.store.put(textRecord('key', 'b'), { kind: 'absent' }))).toBe(
      'condition-failed',
    )
    expect(engine.reads).toBeGreaterThan(0)
  })

  it.each([
    ['replaced', (there: Store) => there.put(textRecord('key', 'by another one')), true],
    ['replaced by a long value', (there: Store) => there.put(long()), true],
    ['deleted', (there: Store) => there.delete('key'), false],
    ['cleared away', (there: Store) => there.clear(), false],
  ] as const)('is counted correctly if another server has %s it', async (_, change, isThere) => {
    const { engine, one, two } = await openTwo()
    await change(two.store)
    expect(await one.store.batch.put([small('mine')])).toEqual([isThere])
    expect(await readText(two.store, 'key')).toBe('mine')
    await change(two.store)
    await one.store.put(textRecord('key', 'mine too'))
    expect(await readText(two.store, 'key')).toBe('mine too')
    expect(await two.store.info()).toMatchObject({ recordCount: 1, storedBytes: 8 })
    expect(await problemsOf(engine)).toEqual([])
  })

  it('has correct results of add and delete after another server deleted it', async () => {
    const { one, two } = await openTwo()
    await two.store.delete('key')
    expect(await one.store.batch.add([small('added')])).toEqual([false])
    await two.store.delete('key')
    expect(await one.store.batch.delete(['key'])).toEqual([false])
    expect(await one.store.batch.put([small('put')])).toEqual([false])
  })

  it('leaves the chunks of a long value to the sweeper, whichever server wrote it', async () => {
    const { engine, one, two } = await openTwo()
    await one.store.put(long())
    await two.store.put(long())
    await one.store.put(textRecord('key', 'short'))
    expect(await problemsOf(engine)).toEqual([])
  })

  it('is not written by a caller who has lost the right on another server', async () => {
    const { one, two } = await openTwo()
    let isAllowed = true
    const caller = callerWith(() => {
      if (!isAllowed) throw new StorageError('access-denied', 'Not any more.')
    })
    const store = await one.domain.stores.find(one.store.id, caller)
    await store.put(textRecord('key', 'allowed'))
    isAllowed = false
    expect(await codeOf(store.put(textRecord('key', 'denied')))).toBe('access-denied')
    expect(await codeOf(store.batch.put([small('denied')]))).toBe('access-denied')
    expect(await readText(two.store, 'key')).toBe('allowed')
  })

  it('is not written in a store that another server has dropped', async () => {
    const { engine, one, two } = await openTwo()
    await two.domain.stores.drop(two.store.id)
    expect(await codeOf(one.store.put(textRecord('key', 'late')))).toBe('store-not-found')
    expect(await codeOf(one.store.batch.put([small('late')]))).toBe('store-not-found')
    expect(await problemsOf(engine)).toEqual([])
  })
})

describe('guessing', () => {
  it('pauses while other servers write the same records, and starts again', () => {
    const guesses = new RecordGuesses()
    for (let miss = 0; miss < 3; miss += 1) guesses.learn({ wasRight: false })
    let paused = 0
    while (!guesses.isWorthwhile()) paused += 1
    expect(paused).toBe(48)
    for (let hit = 0; hit < 48; hit += 1) guesses.learn({ wasRight: true })
    expect(guesses.isWorthwhile()).toBe(true)
    guesses.learn({ wasRight: false })
    expect(guesses.isWorthwhile()).toBe(false)
  })

  it('remembers a bounded number of records, those that were used last', () => {
    const guesses = new RecordGuesses()
    const identity = identityWith({})
    const note = (n: number): void => {
      const replacements = [{ key: `key-${n}`, before: undefined, next: smallInfo }]
      guesses.note('store', identity, { replacements, revision: n })
    }
    const get = (n: number) => guesses.get(`store/key-${n}`, identity)
    for (let n = 0; n < limits.guessedRecordsMax; n += 1) note(n)
    expect(get(0)).toMatchObject({ revision: 0 })
    note(limits.guessedRecordsMax)
    expect(get(0)).toMatchObject({ revision: 0 })
    expect(get(1)).toBeUndefined()
    expect(get(2)).toMatchObject({ revision: 2 })
  })
})

const long = () => bytesRecord('key', patternBytes(2 ** 17))
const problemsOf = async (engine: MemoryEngine) => (await check(engine)).problems
