import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { AtomicWrite, Entry, KeyRange, Page, StorageEngine } from '../../core/engine/engine.ts'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { GroupDraft } from './journal/group-draft.ts'
import { LmdbEngine } from './lmdb.ts'
import { beginJournal } from './testing.ts'

const hashSeed = 5
/** More by `npm run test:long`. */
const share = Number(process.env.COATCHECK_PROPERTY_SHARE ?? 1)
/** Too large for the journal: a commit that contains it goes straight into LMDB. */
const large = { key: Buffer.from('large'), value: Buffer.alloc(600_000) }
/** Bytes that the engine counts for an entry besides its key and its value. */
const headerBytes = 13

const folder = mkdtempSync(join(tmpdir(), 'coatcheck-reads-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Keys and their new values; undefined: the key is deleted. */
type Changes = readonly (readonly [string, string | undefined])[]

const keys = ['a', 'a\0', 'ab', 'b', 'b\xff', 'c', '\xff']
const anyKey = fc.constantFrom(...keys)

// A copy uses memory until the garbage collector runs: so the test can count copies.
it('copies a long value only once per read', async () => {
  const engine = new LmdbEngine(newFolder())
  const key = latin1('long')
  const value = Buffer.alloc(1_048_576, 1)
  await engine.commit({ puts: [{ key, value }] })
  const read = async (): Promise<Bytes | undefined> => (await engine.get([key]))[0]?.value
  expect(await read()).toEqual(value)
  const before = process.memoryUsage().arrayBuffers
  for (let time = 0; time < 10; time += 1) await read()
  const copied = process.memoryUsage().arrayBuffers - before
  expect(copied / value.length).toBeLessThan(15)
  await engine.close()
})

describe('a scan over LMDB and both halves of the journal', () => {
  const change = fc.tuple(anyKey, fc.option(fc.string({ maxLength: 40 }), { nil: undefined }))
  const someChanges = fc.uniqueArray(change, { maxLength: 7, selector: ([key]) => key })
  const layers = fc.record({ inLmdb: someChanges, older: someChanges, newer: someChanges })
  const scan = fc.record({
    start: fc.constantFrom('', ...keys),
    end: fc.constantFrom(...keys, '\xff\xff'),
    limit: fc.integer({ min: 1, max: 8 }),
    bytes: fc.oneof(fc.integer({ min: 1, max: 150 }), fc.constant(9_999)),
  })

  it('returns all entries in order, page by page, without deleted ones', async () => {
    const property = fc.asyncProperty(
      layers,
      fc.array(scan, { maxLength: 8 }),
      async (all, asked) => {
        const { engine, model } = await layered(all)
        for (const { start, end, ...bound } of asked) {
          const range = { start: latin1(start), end: latin1(end) }
          const expected = [...model].filter(([key]) => key >= start && key < end)
          const pages = await pagesOf(engine, range, bound)
          for (const page of pages) expectBound(page, bound)
          const found = pages.flatMap(({ entries }) => entries.map(shown))
          expect(found).toEqual(expected.sort(([a], [b]) => Number(a > b) - Number(a < b)))
        }
        const got = await engine.get(keys.map(latin1))
        expect(got.map((entry) => entry && shown(entry)[1])).toEqual(
          keys.map((key) => model.get(key)),
        )
        await engine.close()
      },
    )
    await fc.assert(property, { numRuns: 25 * share })
  })

  it('decides a commit by the newest entry of each key', async () => {
    const property = fc.asyncProperty(layers, async (all) => {
      const { engine } = await layered(all)
      const found = await engine.get(keys.map(latin1))
      const checks = keys.map((key, index) => {
        return { key: latin1(key), revision: found[index]?.revision }
      })
      for (const check of checks) {
        const other = { ...check, revision: check.revision === undefined ? 1 : undefined }
        expect(await engine.commit({ checks: [other] })).toEqual({ applied: false })
      }
      expect(await engine.commit({ ...writeOf([['new', '']]), checks })).toMatchObject({
        applied: true,
      })
      await engine.close()
    })
    await fc.assert(property, { numRuns: 12 * share })
  })

  it('reports no more entries if all later ones are deleted', async () => {
    const { engine } = await layered({
      inLmdb: [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
      older: [['b', undefined]],
      newer: [['c', undefined]],
    })
    const page = await engine.scan(everything(), { limit: 1, bytes: 99 })
    expect(page.entries.map(shown)).toEqual([['a', '1']])
    expect(page.more).toBe(false)
    await engine.close()
  })

  it('finds the same entries while the journal is moved into LMDB', async () => {
    const engine = new LmdbEngine(newFolder())
    const model = new Map<string, string>()
    for (let round = 0; round < 24; round += 1) {
      const puts = Array.from({ length: 20 }, (_, index) => {
        return [`key ${(round * 7 + index) % 50}`, String(round).repeat(10_000)] as const
      })
      await engine.commit(writeOf(puts))
      for (const [key, value] of puts) model.set(key, value)
      const { entries } = await engine.scan(everything(), { limit: 999, bytes: 2 ** 30 })
      expect(new Map(entries.map(shown))).toEqual(model)
    }
    await engine.close()
  })
})

describe('a repeated read', () => {
  const key = Buffer.from('key')
  const restored: Entry = { key, value: Buffer.from('new'), revision: 1, isCounter: false }

  it.each<[string, string | undefined, (engine: LmdbEngine) => Promise<unknown>]>([
    ['an overwrite', 'new', (engine) => engine.commit(writeOf([['key', 'new']]))],
    ['a delete', undefined, (engine) => engine.commit({ deletes: [key] })],
    ['a restore', 'new', (engine) => engine.restore([restored], 9)],
    ['an overwrite past the journal', 'new', (engine) => engine.commit(withLarge('new'))],
    ['a delete past the journal', undefined, (engine) => engine.commit(withLarge(undefined))],
  ])('never returns old bytes after %s', async (_, expected, change) => {
    const { engine, path } = await holding('old')
    expect(await valueNow(engine)).toBe('old')
    expect(await valueNow(engine)).toBe('old')
    await change(engine)
    expect(await valueNow(engine)).toBe(expected)
    // A commit past the journal first moves everything in the journal into LMDB.
    await engine.commit({ puts: [large] })
    expect(await valueNow(engine)).toBe(expected)
    expect(await valueNow(engine)).toBe(expected)
    await engine.close()
    const again = new LmdbEngine(path)
    expect(await valueNow(again)).toBe(expected)
    await again.close()
  })

  it('returns the old or the new bytes during a write, and the new bytes afterwards', async () => {
    const kind = fc.constantFrom('journal', 'past', 'restore', 'delete', 'delete past')
    const property = fc.asyncProperty(fc.array(kind, { maxLength: 10 }), async (kinds) => {
      const { engine } = await holding('0')
      let before: string | undefined = '0'
      for (const [index, each] of kinds.entries()) {
        const after = each.startsWith('delete') ? undefined : String(index + 1)
        const seen = await seenDuring(engine, () => changeOf(engine, each, after))
        // No way back: all old values come before the new ones.
        const changes = seen.filter((value, at) => at > 0 && value !== seen[at - 1])
        expect([[], [after]]).toContainEqual(changes)
        expect([before, after]).toContain(seen[0])
        expect(await valueNow(engine)).toBe(after)
        before = after
      }
      await engine.close()
    })
    await fc.assert(property, { numRuns: 12 * share })
  })

  /** Short values are cached when they are read, long ones are not. */
  const shortAndLong = [
    ['short', 'old'],
    ['long', 'old'.repeat(700)],
  ] as const

  it.each(shortAndLong)('returns bytes that belong to the caller: a %s value', async (_, value) => {
    const { engine } = await holding(value)
    for (let read = 0; read < 3; read += 1) {
      const [entry] = await engine.get([key])
      expect(text(entry?.value ?? key)).toBe(value)
      entry?.value.fill(0)
    }
    await engine.close()
  })

  it.each(shortAndLong)('uses the key as it was at the call: a %s value', async (_, value) => {
    const { engine } = await holding(value)
    const reused = Buffer.from(key)
    const [entry] = await engine.get([reused])
    reused.fill(0)
    expect(entry?.revision).toBe(1)
    // The first use of the value verifies the checksum, which includes the key.
    expect(text(entry?.value ?? key)).toBe(value)
    expect(await valueNow(engine)).toBe(value)
    await engine.close()
  })

  function withLarge(value: string | undefined): AtomicWrite {
    const { puts = [], deletes = [] } = writeOf([['key', value]])
    return { puts: [...puts, large], deletes }
  }

  function changeOf(engine: LmdbEngine, kind: string, value: string | undefined): Promise<unknown> {
    if (kind === 'restore') {
      return engine.restore([{ ...restored, value: Buffer.from(value ?? '') }], 1)
    }
    return engine.commit(kind.endsWith('past') ? withLarge(value) : writeOf([['key', value]]))
  }

  async function valueNow(engine: StorageEngine): Promise<string | undefined> {
    const [entry] = await engine.get([key])
    expect(entry?.isDamaged ?? false).toBe(false)
    return entry && text(entry.value)
  }

  /** The values that reads find from the start of a change to its end. */
  async function seenDuring(
    engine: StorageEngine,
    change: () => Promise<unknown>,
  ): Promise<(string | undefined)[]> {
    const seen: (string | undefined)[] = []
    let isDone = false
    const changing = change().finally(() => {
      isDone = true
    })
    while (!isDone) {
      seen.push(await valueNow(engine))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await changing
    return seen
  }

  /** An engine whose LMDB holds a value, and whose journal is empty. */
  async function holding(value: string): Promise<{ engine: LmdbEngine; path: string }> {
    const path = newFolder()
    const engine = new LmdbEngine(path)
    await engine.commit(writeOf([['key', value]]))
    await engine.close()
    return { engine: new LmdbEngine(path), path }
  }
})

/**
 * An engine with changes in LMDB, newer ones in one half of its journal, and the newest in the
 * other half. It moves none of them until it is written to or closed.
 */
async function layered({
  inLmdb,
  older,
  newer,
}: {
  inLmdb: Changes
  older: Changes
  newer: Changes
}): Promise<{ engine: LmdbEngine; model: Map<string, string> }> {
  const path = newFolder()
  const first = new LmdbEngine(path)
  // Something is always written, so that the revisions are known.
  await first.commit(writeOf([['large', undefined], ...inLmdb]))
  await first.close()
  const journal = await beginJournal(path, { hashSeed })
  for (const [index, changes] of [older, newer].entries()) {
    const parts = { half: journal.fresh, hashSeed, read: () => undefined }
    const draft = new GroupDraft(index + 1, parts)
    draft.decide(writeOf([['large', undefined], ...changes]))
    await journal.append(draft)
    if (index === 0) journal.turn()
  }
  journal.close()
  const model = new Map<string, string>()
  for (const [key, value] of [...inLmdb, ...older, ...newer]) {
    if (value === undefined) model.delete(key)
    else model.set(key, value)
  }
  return { engine: new LmdbEngine(path), model }
}

async function pagesOf(
  engine: StorageEngine,
  { start, end }: KeyRange,
  bound: { limit: number; bytes: number },
): Promise<Page[]> {
  const page = await engine.scan({ start, end }, bound)
  const last = page.entries.at(-1)
  if (!page.more || !last) return [page]
  const behind = Buffer.concat([last.key, Buffer.alloc(1)])
  return [page, ...(await pagesOf(engine, { start: behind, end }, bound))]
}

/** A page ends with the entry that reaches a bound. While there is more, it does not end sooner. */
function expectBound({ entries, more }: Page, bound: { limit: number; bytes: number }): void {
  const bytes = entries.map(({ key, value }) => key.length + value.length)
  const sum = (part: readonly number[]): number => part.reduce((total, each) => total + each, 0)
  expect(entries.length).toBeLessThanOrEqual(bound.limit)
  expect(sum(bytes.slice(0, -1))).toBeLessThan(bound.bytes)
  if (!more) return
  const counted = sum(bytes.map((each) => each + headerBytes))
  expect(entries.length === bound.limit || counted >= bound.bytes).toBe(true)
}

function writeOf(changes: Changes): AtomicWrite {
  const deletes: Buffer[] = []
  const puts: { key: Buffer; value: Buffer }[] = []
  for (const [key, value] of changes) {
    if (value === undefined) deletes.push(latin1(key))
    else puts.push({ key: latin1(key), value: Buffer.from(value) })
  }
  return { deletes, puts }
}

function everything(): KeyRange {
  return { start: Buffer.alloc(1), end: Buffer.alloc(9, 0xff) }
}

function shown({ key, value }: Entry): [string, string] {
  return [text(key), Buffer.from(value).toString()]
}

function newFolder(): string {
  return mkdtempSync(join(folder, 'data-'))
}

function latin1(name: string): Buffer {
  return Buffer.from(name, 'latin1')
}

function text(bytes: Bytes): string {
  return Buffer.from(bytes).toString('latin1')
}
