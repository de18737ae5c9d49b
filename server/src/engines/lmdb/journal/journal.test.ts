import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AtomicWrite,
  EngineError,
  type Put,
  type Revision,
} from '../../../core/engine/engine.ts'
import { LmdbEngine } from '../lmdb.ts'
import { allOf, beginJournal, errorOf, put, readTransaction, revisionOf } from '../testing.ts'
import { GroupDraft } from './group-draft.ts'
import type { Journal, JournalParts } from './journal.ts'
import { sealBytes } from './journal-state.ts'

/** Where the blocks of the first half begin in the file, and those of the second. */
const halvesAt = [4_096, 4_096 + 8 * 1_048_576] as const
const hashSeed = 5
/** Too large for the journal. */
const largeBytes = 600_000

const folder = mkdtempSync(join(tmpdir(), 'coatcheck-journal-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a journal whose last block is torn', () => {
  const sound = newFolder()
  const before = [put('a', '1'), put('b', '2'), put('a', '3')]
  const torn: AtomicWrite = {
    puts: [...put('c', 'torn').puts, ...put('a', 'torn').puts],
    deletes: [Buffer.from('b')],
  }
  const kept = { a: '3', b: '2' }
  /** Places in the file, from the beginning of the last block to its end. */
  let places: number[] = []

  beforeAll(async () => {
    const [start = 0, end = 0] = (await writeJournal(sound, [[...before, torn]])).slice(-2)
    const every = Array.from({ length: (end - start) / 8 }, (_, index) => start + index * 8)
    places = [...every, end - 1]
  })

  it('has the last block if it is whole', async () => {
    const engine = new LmdbEngine(copyOf(sound))
    expect(await allOf(engine)).toEqual({ a: 'torn', c: 'torn' })
    await engine.close()
  })

  it('is refused if it is cut short: it was allocated in full', async () => {
    for (const place of [...places, 4_095, 0]) {
      const copy = copyOf(sound, (bytes) => bytes.subarray(0, place))
      expect(errorOf(() => new LmdbEngine(copy)).message).toContain('was cut short')
    }
  })

  it('has the last block if only its seal is damaged', async () => {
    const [start = 0] = places
    for (const place of [start, start + 7, start + 15]) {
      const copy = copyOf(sound, (bytes) => changedAt(bytes, place))
      expect(await reopened(copy)).toEqual({ a: 'torn', c: 'torn' })
    }
  })

  it.each<[string, (bytes: Buffer, place: number) => Buffer]>([
    ['zeroed from a byte on', (bytes, place) => bytes.fill(0, place)],
    ['overwritten from a byte on', (bytes, place) => bytes.fill('other', place)],
    ['changed in one byte', (bytes, place) => changedAt(bytes, place)],
  ])(
    'has all blocks before it, nothing of it, and takes commits if it is %s',
    async (what, tear) => {
      expect(places.length).toBeGreaterThan(10)
      const [start = 0] = places
      const behindSeal = places.filter((place) => place >= start + sealBytes)
      for (const place of what.includes('one byte') ? behindSeal : places) {
        const copy = copyOf(sound, (bytes) => tear(bytes, place))
        const engine = new LmdbEngine(copy)
        // What is zeroed from its first byte on looks like a block that was never begun.
        const isSeen = place >= start + sealBytes / 2
        const { findings } = engine.opening
        if (isSeen)
          expect(findings.join()).toMatch(/ended with a block of \d+ bytes behind revision 3/)
        expect(await allOf(engine)).toEqual(kept)
        expect(await revisionOf(engine.commit(put('d', 'new')))).toBeGreaterThan(before.length)
        // A commit that is written over the torn block is as durable as any other.
        const again = new LmdbEngine(copyOf(copy))
        expect(await allOf(again)).toEqual({ ...kept, d: 'new' })
        await again.close()
        await engine.close()
      }
    },
  )
})

describe('a journal that does not write and sync in one call', () => {
  it('works the same, and syncs each block before it counts', async () => {
    const path = newFolder()
    const synced: number[] = []
    const sync = async (file: number): Promise<void> => {
      const bytes = Buffer.alloc(halvesAt[1])
      readSync(file, bytes, 0, bytes.length, 0)
      synced.push(bytes.findLastIndex((byte) => byte !== 0) + 1)
    }
    const writes = [put('a', '1'), put('b', '2'), put('a', '3')]
    const ends = await writeJournal(path, [writes], { writesInSync: false, sync })
    expect(synced).toEqual(ends)
    expect(await reopened(path)).toEqual({ a: '3', b: '2' })
  })

  it.each(['ENOSPC', 'EIO'])('calls the outcome unknown after a failed sync: %s', async (code) => {
    const path = newFolder()
    const sync = async (): Promise<void> => {
      throw Object.assign(new Error('The sync failed'), { code })
    }
    const writing = writeJournal(path, [[put('a', '1')]], { writesInSync: false, sync })
    await expect(writing).rejects.toMatchObject({ failure: 'unavailable', applied: 'unknown' })
  })
})

describe('a journal on a full disk', () => {
  const noRoom = Object.assign(new Error('No space left on device'), { code: 'ENOSPC' })

  it.each([
    { what: 'nothing', part: 0, failure: 'full', applied: 'no' },
    { what: 'a part', part: 0.5, failure: 'full', applied: 'no' },
    // Then the sync failed, and the block counts after a crash.
    { what: 'all', part: 1, failure: 'unavailable', applied: 'unknown' },
  ] as const)('says that nothing is applied only if true: $what written', async (failing) => {
    const { what: _, part, ...expected } = failing
    let isFailing = false
    const path = newFolder()
    const journal = await beginJournal(path, {
      hashSeed,
      write: async (file, block, offset, length, place) => {
        if (!isFailing) return { bytesWritten: writeSync(file, block, offset, length, place) }
        writeSync(file, block, offset, Math.floor(length * part), place)
        throw noRoom
      },
    })
    await append(journal, { before: 0, write: put('a', '1') })
    isFailing = true
    const draft = new GroupDraft(1, { half: journal.fresh, hashSeed, read: () => undefined })
    draft.decide(put('b', '2'))
    const appending = journal.append(draft)
    await expect(appending).rejects.toThrow(EngineError)
    await expect(appending).rejects.toMatchObject(expected)
    journal.close()
    expect(await reopened(path)).toEqual({ a: '1', ...(part === 1 && { b: '2' }) })
  })
})

describe('a journal with commits in both halves that LMDB lacks', () => {
  const writes = [
    [put('a', '1'), put('b', '2')],
    [put('a', '3'), put('c', '4')],
  ]

  it.each([0, 1] as const)('is loaded whole if half %i is the older', async (older) => {
    const path = newFolder()
    await writeJournal(path, writes, { older })
    const engine = new LmdbEngine(path)
    expect(await allOf(engine)).toEqual({ a: '3', b: '2', c: '4' })
    expect(await revisionOf(engine.commit(put('d', '5')))).toBe(5)
    await engine.close()
    expect(await withoutJournal(path, allOf)).toEqual({ a: '3', b: '2', c: '4', d: '5' })
  })

  it.each([
    ['first', 0, 0],
    ['first', 0, 1],
    ['last', 1, 0],
    ['last', 1, 1],
  ] as const)('is refused without the %s block (%i) of older half %i', async (_, block, older) => {
    const path = newFolder()
    const ends = await writeJournal(path, writes, { older })
    const broken = copyOf(path, (bytes) => changedAt(bytes, (ends[block] ?? 0) - 1))
    const error = errorOf(() => new LmdbEngine(broken))
    expect(error).toMatchObject({ failure: 'unavailable' })
    expect(error.message).toContain(join(broken, 'journal'))
    expect(error.message).toMatch(/^[^\n]+\.$/)
  })

  it.each([0, 1, 2])(
    'is refused if block %i of three is damaged, unless it is the last',
    async (block) => {
      const path = newFolder()
      const ends = await writeJournal(path, [[put('a', '1'), put('b', '2'), put('c', '3')]])
      const broken = copyOf(path, (bytes) => changedAt(bytes, (ends[block] ?? 0) - 1))
      // The last block may be torn. Only a whole block behind a damaged one proves that it is not
      // torn.
      if (block === 2) return expect(await reopened(broken)).toEqual({ a: '1', b: '2' })
      expect(errorOf(() => new LmdbEngine(broken))).toMatchObject({ failure: 'unavailable' })
    },
  )

  it('is refused if commits between LMDB and the journal are missing', async () => {
    const path = newFolder()
    await writeJournal(path, writes, { newest: 10 })
    expect(errorOf(() => new LmdbEngine(path)).message).toContain('are missing')
  })

  it('is ignored if LMDB has all of it', async () => {
    const path = newFolder()
    const engine = new LmdbEngine(path)
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) await engine.commit(put(key, 'LMDB'))
    await engine.close()
    const held = await withoutJournal(path, allOf)
    await writeJournal(path, writes)
    const again = new LmdbEngine(path)
    expect(await allOf(again)).toEqual(held)
    expect(await revisionOf(again.commit(put('a', 'x')))).toBe(7)
    await again.close()
  })
})

describe('an engine that was closed', () => {
  it('has everything in data.mdb alone', async () => {
    const path = newFolder()
    const engine = new LmdbEngine(path)
    await engine.commit(put('a', 'old'))
    await engine.commit({ puts: [{ key: Buffer.from('large'), value: Buffer.alloc(largeBytes) }] })
    await engine.commit({ deletes: [Buffer.from('large')], ...put('a', 'new') })
    const newest = await revisionOf(engine.commit({ sums: [{ key: Buffer.from('n'), delta: 3n }] }))
    await engine.close()
    await withoutJournal(path, async (again) => {
      expect(await allOf(again)).toEqual({ a: 'new', n: '\0\0\0\0\0\0\0\x03' })
      expect(await revisionOf(again.commit(put('b', 'x')))).toBeGreaterThan(newest)
    })
  })

  it('has the commits that ran while it was closing', async () => {
    const path = newFolder()
    const engine = new LmdbEngine(path)
    const commits = ['a', 'b', 'c'].map((key) => engine.commit(put(key, key)))
    await Promise.all([engine.close(), ...commits])
    expect(await withoutJournal(path, allOf)).toEqual({ a: 'a', b: 'b', c: 'c' })
  })
})

describe('a commit that only checks', () => {
  const nothing: AtomicWrite = { checks: [{ key: Buffer.from('none'), revision: undefined }] }
  const large: AtomicWrite = {
    puts: [{ key: Buffer.from('large'), value: Buffer.alloc(largeBytes) }],
  }

  it('does not harm later commits, large or small', async () => {
    const path = newFolder()
    const engine = new LmdbEngine(path)
    await engine.commit(nothing)
    await engine.commit(large)
    await engine.commit(put('a', '1'))
    // Nothing runs now: LMDB has the large commit, and the small ones have not been moved.
    const killed = new LmdbEngine(copyOf(path))
    expect(Object.keys(await allOf(killed))).toEqual(['a', 'large'])
    await killed.close()
    await engine.close()
  })

  it('leaves no gap if the journal switches halves after it', async () => {
    const path = newFolder()
    await writeJournal(path, [[nothing], [put('a', '1')]])
    expect(await reopened(path)).toEqual({ a: '1' })
  })

  it('has a revision that no other commit gets, even after a close', async () => {
    const path = newFolder()
    const engine = new LmdbEngine(path)
    const revision = await revisionOf(engine.commit(nothing))
    await engine.close()
    await withoutJournal(path, async (again) => {
      expect(await revisionOf(again.commit(put('a', '1')))).toBeGreaterThan(revision)
    })
  })
})

it('stamps in ascending order across kills, closes and restores, and never twice', async () => {
  let path = newFolder()
  let engine = new LmdbEngine(path)
  const revisions: Revision[] = []
  const kills: LmdbEngine[] = []
  const stamped: Put = { key: Buffer.from('log'), value: Buffer.from('x'), stamped: true }
  const commit = async (write: AtomicWrite): Promise<void> => {
    revisions.push(await revisionOf(engine.commit(write)))
  }
  for (const end of ['kill', 'close', 'restore', 'kill', 'large', 'kill', 'close'] as const) {
    for (let count = 0; count < 3; count += 1) await commit({ puts: [stamped] })
    if (end === 'large') await commit({ puts: [{ ...stamped, value: Buffer.alloc(largeBytes) }] })
    if (end === 'restore') await engine.restore([], (revisions.at(-1) ?? 0) + 100)
    if (end === 'close') await engine.close()
    if (end === 'kill') {
      kills.push(engine)
      path = copyOf(path)
    }
    if (end === 'kill' || end === 'close') engine = new LmdbEngine(path)
  }
  expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b))
  const stamps = Object.keys(await allOf(engine)).map((key) => {
    return Number(Buffer.from(key, 'latin1').readBigUInt64BE('log'.length))
  })
  expect(stamps).toEqual(revisions)
  for (const each of [engine, ...kills]) await each.close()
})

/**
 * Writes a journal as a server leaves it when it is killed before LMDB has any of it: one commit
 * per block. `older` is the half that was filled first. Returns where the blocks end in the file.
 */
async function writeJournal(
  path: string,
  halves: readonly (readonly AtomicWrite[])[],
  {
    older = 0,
    newest = 0,
    ...parts
  }: { older?: 0 | 1; newest?: Revision } & Partial<Omit<JournalParts, 'state' | 'newest'>> = {},
): Promise<number[]> {
  const journal = await beginJournal(path, { hashSeed, ...parts })
  const ends: number[] = []
  let before = newest
  if (older === 1) journal.turn()
  for (const [index, writes] of halves.entries()) {
    if (index > 0) journal.turn()
    for (const write of writes) {
      before = await append(journal, { before, write })
      ends.push((halvesAt[(older + index) % 2] ?? 0) + journal.fresh.end)
    }
  }
  journal.close()
  return ends
}

async function append(
  journal: Journal,
  { before, write }: { before: Revision; write: AtomicWrite },
): Promise<Revision> {
  const draft = new GroupDraft(before, { half: journal.fresh, hashSeed, read: () => undefined })
  expect(draft.decide(write)).toMatchObject({ applied: true })
  await journal.append(draft)
  return draft.newest
}

/** A copy of the files as a kill would leave them now; see `copyOf` in `crash.test.ts`. */
function copyOf(path: string, change = (bytes: Buffer): Buffer => bytes): string {
  const copy = newFolder()
  writeFileSync(join(copy, 'journal'), change(readFileSync(join(path, 'journal'))))
  if (!existsSync(join(path, 'data.mdb'))) return copy
  writeFileSync(join(copy, 'data.mdb'), readTransaction(path))
  return copy
}

function newFolder(): string {
  return mkdtempSync(join(folder, 'data-'))
}

/** Opens a folder whose journal is lost. */
async function withoutJournal<T>(
  path: string,
  use: (engine: LmdbEngine) => Promise<T>,
): Promise<T> {
  rmSync(join(path, 'journal'))
  const engine = new LmdbEngine(path)
  try {
    return await use(engine)
  } finally {
    await engine.close()
  }
}

async function reopened(path: string): Promise<Record<string, string>> {
  const engine = new LmdbEngine(path)
  const all = await allOf(engine)
  await engine.close()
  return all
}

function changedAt(bytes: Buffer, place: number): Buffer {
  bytes[place] = (bytes[place] ?? 0) ^ 0xff
  return bytes
}
