import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { Revision, StorageEngine } from '../engine/engine.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { PausingSource } from '../testing/pausing-source.ts'
import { bytesRecord, readText, textRecord } from '../testing/records.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import type { Condition } from './record.ts'

const absent: Condition = { kind: 'absent' }
const present: Condition = { kind: 'present' }

function anyOf(...revisions: Revision[]): Condition {
  return { kind: 'revision', anyOf: revisions }
}

function noneOf(...revisions: Revision[]): Condition {
  return { kind: 'otherRevision', noneOf: revisions }
}

function writtenBefore(time: number): Condition {
  return { kind: 'writtenBefore', time }
}

async function openStore(engine: StorageEngine = new MemoryEngine()): Promise<Store> {
  const { stores } = await openTestDomain(engine)
  return stores.create({ ownerId: owner, name: 'coats' })
}

function slowStore(seed: number): Promise<Store> {
  return openStore(new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed }))
}

describe('a put with a condition', () => {
  it('that the record is absent succeeds once', async () => {
    const store = await openStore()
    expect(await codeOf(store.put(textRecord('key', 'one'), absent))).toBe('none')
    expect(await codeOf(store.put(textRecord('key', 'two'), absent))).toBe('condition-failed')
    await store.delete('key')
    expect(await codeOf(store.put(textRecord('key', 'three'), absent))).toBe('none')
    expect(await readText(store, 'key')).toBe('three')
  })

  it('that the record is present replaces and never adds', async () => {
    const store = await openStore()
    expect(await codeOf(store.put(textRecord('key', 'one'), present))).toBe('condition-failed')
    expect(await store.head('key')).toBeUndefined()
    await store.put(textRecord('key', 'one'))
    expect(await codeOf(store.put(textRecord('key', 'two'), present))).toBe('none')
  })

  it('that the record has a revision succeeds for the newest only', async () => {
    const store = await openStore()
    const first = await store.put(textRecord('key', 'one'))
    const second = await store.put(textRecord('key', 'two'), anyOf(first.revision))
    const third = store.put(textRecord('key', 'three'), anyOf(first.revision))
    expect(await codeOf(third)).toBe('condition-failed')
    const fourth = store.put(textRecord('key', 'four'), anyOf(first.revision, second.revision))
    expect(await codeOf(fourth)).toBe('none')
    expect(await readText(store, 'key')).toBe('four')
  })

  it('that the record has a revision fails if there is no record', async () => {
    const store = await openStore()
    const { revision } = await store.put(textRecord('key', 'one'))
    await store.delete('key')
    expect(await codeOf(store.put(textRecord('key', 'x'), anyOf(revision)))).toBe(
      'condition-failed',
    )
    expect(await codeOf(store.put(textRecord('key', 'x'), anyOf()))).toBe('condition-failed')
  })

  it('that the record has none of some revisions succeeds if it has another one or is absent', async () => {
    const store = await openStore()
    const { revision: first } = await store.put(textRecord('key', 'one'))
    expect(await codeOf(store.put(textRecord('key', 'x'), noneOf(first)))).toBe('condition-failed')
    const { revision } = await store.put(textRecord('key', 'two'), noneOf(first - 1, first + 1))
    const failed = store.put(textRecord('key', 'x'), noneOf(first, revision))
    expect(await codeOf(failed)).toBe('condition-failed')
    expect(await codeOf(store.put(textRecord('none', 'x'), noneOf(first)))).toBe('none')
  })

  it('that the record is older than a moment succeeds if it is older or absent', async () => {
    const { environment, stores } = await openTestDomain(new MemoryEngine())
    const store = await stores.create({ ownerId: owner, name: 'coats' })
    const begin = environment.now()
    expect(await codeOf(store.put(textRecord('key', 'one'), writtenBefore(begin)))).toBe('none')
    const notOlder = store.put(textRecord('key', 'x'), writtenBefore(begin))
    expect(await codeOf(notOlder)).toBe('condition-failed')
    environment.advance(5)
    expect(await codeOf(store.put(textRecord('key', 'two'), writtenBefore(begin + 1)))).toBe('none')
    expect(await codeOf(store.delete('key', writtenBefore(begin + 1)))).toBe('condition-failed')
  })

  it('made of several succeeds if each of them holds', async () => {
    const store = await openStore()
    const { revision } = await store.put(textRecord('key', 'one'))
    const both: Condition = { kind: 'all', of: [present, noneOf(revision)] }
    expect(await codeOf(store.put(textRecord('key', 'x'), both))).toBe('condition-failed')
    expect(await codeOf(store.put(textRecord('none', 'x'), both))).toBe('condition-failed')
    expect(await codeOf(store.put(textRecord('key', 'x'), { kind: 'all', of: [present] }))).toBe(
      'none',
    )
  })

  it('on a damaged record only holds if it is that the record is present', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const store = await openStore(engine)
    const { revision } = await store.put(textRecord('key', 'one'))
    const [entry] = await entriesOf(engine, 'record')
    engine.damage(entry?.key ?? Buffer.of())
    for (const condition of [anyOf(revision), noneOf(revision + 1), absent, writtenBefore(9e15)]) {
      const code = await codeOf(store.put(textRecord('key', 'x'), condition))
      expect(code, condition.kind).toBe('condition-failed')
    }
    expect(await codeOf(store.put(textRecord('key', 'x'), present))).toBe('none')
  })

  it('that fails refuses a large value before the rest of it is taken', async () => {
    const store = await openStore()
    let isTaken = false
    const source = new PausingSource(patternBytes(2 ** 21), async () => {
      isTaken = true
    })
    expect(await codeOf(store.put(bytesRecord('key', source), present))).toBe('condition-failed')
    expect(isTaken).toBe(false)
  })

  it('that fails only while a large value arrives refuses it too', async () => {
    const store = await openStore()
    const source = new PausingSource(patternBytes(2 ** 21), async () => {
      await store.put(textRecord('key', 'faster'))
    })
    expect(await codeOf(store.put(bytesRecord('key', source), absent))).toBe('condition-failed')
    expect(await readText(store, 'key')).toBe('faster')
  })

  it('holds for a value of any size', async () => {
    const store = await openStore()
    const value = (): ReturnType<typeof bytesRecord> => bytesRecord('key', patternBytes(2 ** 20))
    expect(await codeOf(store.put(value(), present))).toBe('condition-failed')
    expect(await codeOf(store.put(value(), absent))).toBe('none')
    expect(await codeOf(store.put(value(), absent))).toBe('condition-failed')
    expect(await store.info()).toMatchObject({ recordCount: 1, storedBytes: 2 ** 20 })
  })
})

describe('a delete with a condition', () => {
  it('deletes the record only if the condition holds', async () => {
    const store = await openStore()
    const first = await store.put(textRecord('key', 'one'))
    const second = await store.put(textRecord('key', 'two'))
    expect(await codeOf(store.delete('key', anyOf(first.revision)))).toBe('condition-failed')
    expect(await codeOf(store.delete('key', absent))).toBe('condition-failed')
    expect(await store.delete('key', anyOf(second.revision))).toBe(true)
  })

  it('fails if there is no record', async () => {
    const store = await openStore()
    expect(await codeOf(store.delete('key', present))).toBe('condition-failed')
    expect(await codeOf(store.delete('key', anyOf(1)))).toBe('condition-failed')
    expect(await store.delete('key', absent)).toBe(false)
  })
})

describe('adding a record', () => {
  it('says whether it was stored', async () => {
    const store = await openStore()
    expect(await store.add(textRecord('key', 'one'))).toBe(true)
    expect(await store.add(textRecord('key', 'two'))).toBe(false)
    expect(await readText(store, 'key')).toBe('one')
  })

  it('passes on every other error', async () => {
    const store = await openStore()
    expect(await codeOf(store.add(textRecord('\ud800', 'x')))).toBe('record-key-invalid')
  })
})

describe('of many at once', () => {
  const seeds = Array.from({ length: 8 }, (_, seed) => seed)
  const writers = Array.from({ length: 30 }, (_, writer) => `value ${writer}`)

  it.each(seeds)('only one adds a record, and its value stays (%i)', async (seed) => {
    const store = await slowStore(seed)
    const added = await Promise.all(writers.map((value) => store.add(textRecord('key', value))))
    expect(added.filter(Boolean)).toHaveLength(1)
    expect(await readText(store, 'key')).toBe(writers[added.indexOf(true)])
  })

  it.each(seeds)('only one replaces the revision that all expect (%i)', async (seed) => {
    const store = await slowStore(seed)
    const { revision } = await store.put(textRecord('key', 'first'))
    const codes = await Promise.all(
      writers.map((value) => codeOf(store.put(textRecord('key', value), anyOf(revision)))),
    )
    expect(codes.filter((code) => code === 'none')).toHaveLength(1)
    expect(await readText(store, 'key')).toBe(writers[codes.indexOf('none')])
  })

  it.each(seeds)('only one deletes the revision that all expect (%i)', async (seed) => {
    const store = await slowStore(seed)
    const { revision } = await store.put(textRecord('key', 'first'))
    const codes = await Promise.all(writers.map(() => codeOf(store.delete('key', anyOf(revision)))))
    expect(codes.filter((code) => code === 'none')).toHaveLength(1)
    expect((await store.info()).recordCount).toBe(0)
  })

  it.each(seeds)('none loses its update, on two servers (%i)', async (seed) => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed })
    const here = await openTestDomain(engine)
    const there = await openTestDomain(engine, { environment: here.environment })
    const { id } = await here.stores.create({ ownerId: owner, name: 'coats' })
    await (await here.stores.find(id)).put(textRecord('n', '0'))
    const stores = [await here.stores.find(id), await there.stores.find(id)]
    await Promise.all(stores.flatMap((store) => [addTen(store), addTen(store)]))
    expect(await readText(await here.stores.find(id), 'n')).toBe('40')
  })
})

/** Adds 1 ten times, each time to the value that it has just read. */
async function addTen(store: Store): Promise<void> {
  for (let added = 0; added < 10; ) {
    const record = await store.get('n')
    const value = Number(Buffer.from((await record?.value.read()) ?? []).toString())
    const next = textRecord('n', String(value + 1))
    const code = await codeOf(store.put(next, anyOf(record?.revision ?? 0)))
    if (code === 'none') added += 1
    else expect(code).toBe('condition-failed')
  }
}
