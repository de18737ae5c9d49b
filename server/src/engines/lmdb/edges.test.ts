import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../core/kernel/limits.ts'
import { pack, packedKind, sealed } from './entries/entry.ts'
import { GroupDraft } from './journal/group-draft.ts'
import type { WriteAt } from './journal/journal-file.ts'
import { encodeHead } from './journal/journal-head.ts'
import { decodeState, encodeState, type JournalState } from './journal/journal-state.ts'
import { LmdbEngine } from './lmdb.ts'
import { LmdbTables } from './tables.ts'
import { allOf, beginJournal, errorOf, writeState } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'coatcheck-edges-'))
afterAll(() => rmSync(folder, { recursive: true }))

const acknowledged = Object.fromEntries(
  Array.from({ length: 50 }, (_, index) => [`key-${index}`, `value ${index}`]),
)

/** A folder whose server was killed: all commits are in the journal alone. */
let killed: string
beforeAll(async () => {
  killed = await killedFolder(acknowledged)
})

describe('the head of the journal', () => {
  it('may have any bit wrong: all commits are there, and the operator is told', async () => {
    for (const [index, place] of [0, 9, 15, 16, 19, 512, 527, 530].entries()) {
      const copy = copyOf(killed, (bytes) => flip(bytes, place, index % 8))
      const engine = new LmdbEngine(copy)
      expect(await allOf(engine)).toEqual(acknowledged)
      expect(engine.opening.findings.join()).toContain('The head of the journal')
      await engine.close()
      expect(await opened(copy)).toEqual(acknowledged)
    }
  })

  it('may be zeroed whole: LMDB names the seal too', async () => {
    const copy = copyOf(killed, (bytes) => bytes.fill(0, 0, 4_096))
    expect(await opened(copy)).toEqual(acknowledged)
  })
})

describe('the state in LMDB', () => {
  it('is refused with any bit wrong: it says which commits LMDB holds', async () => {
    const bytes = encodeState(await stateOf(killed))
    for (const bit of Array.from({ length: bytes.length * 8 }, (_, index) => index)) {
      const wrong = flip(Buffer.from(bytes), bit >> 3, bit & 7)
      expect(errorOf(() => decodeState(wrong))).toMatchObject({ failure: 'unavailable' })
    }
    const copy = copyOf(killed)
    const data = join(copy, 'data.mdb')
    const file = readFileSync(data)
    writeFileSync(data, flip(file, file.indexOf(bytes) + 7, 1))
    const { message } = errorOf(() => new LmdbEngine(copy))
    expect(message).toMatch(/^The data file is damaged: the entry that names its journal/)
  })

  it('can be given up: what the files hold is served, and later commits are newer', async () => {
    const copy = copyOf(killed)
    const data = join(copy, 'data.mdb')
    const file = readFileSync(data)
    flip(file, file.indexOf(encodeState(await stateOf(killed))), 0)
    writeFileSync(data, file)
    const engine = new LmdbEngine(copy, { givesUp: true })
    expect(await allOf(engine)).toEqual(acknowledged)
    const commit = await engine.commit({ puts: [put('new', 'x')] })
    expect(commit).toMatchObject({ applied: true, revision: 51 })
    await engine.close()
    expect(await opened(copy)).toEqual({ ...acknowledged, new: 'x' })
  })
})

describe('a journal that does not belong to the data', () => {
  it('is refused if it is missing after a kill', () => {
    const copy = copyOf(killed)
    rmSync(join(copy, 'journal'))
    const { message } = errorOf(() => new LmdbEngine(copy))
    expect(message).toMatch(/^The journal \S+ is missing: .* coatcheck repair\.$/)
    // Nothing was made: the right file can still be brought back.
    expect(existsSync(join(copy, 'journal'))).toBe(false)
  })

  it('is not needed after a stop in order', async () => {
    const copy = copyOf(killed)
    await opened(copy)
    rmSync(join(copy, 'journal'))
    expect(await opened(copy)).toEqual(acknowledged)
  })

  it('is refused if it is of another folder, or of an earlier run', async () => {
    const copy = copyOf(killed)
    const other = await killedFolder({ foreign: 'secret' })
    copyFileSync(join(other, 'journal'), join(copy, 'journal'))
    expect(errorOf(() => new LmdbEngine(copy)).message).toContain('belongs to other data')
    const next = copyOf(killed)
    await opened(next)
    await append(next, { later: 'x' })
    copyFileSync(join(killed, 'journal'), join(next, 'journal'))
    expect(errorOf(() => new LmdbEngine(next)).message).toContain('belongs to other data')
  })

  it('is given up by a repair: then only what LMDB holds is there', async () => {
    const copy = copyOf(killed)
    const other = await killedFolder({ foreign: 'secret' })
    copyFileSync(join(other, 'journal'), join(copy, 'journal'))
    const engine = new LmdbEngine(copy, { givesUp: true })
    expect(await allOf(engine)).toEqual({})
    expect(engine.opening.findings).toEqual([expect.stringContaining('belongs to other data')])
    await engine.close()
    expect(await opened(copy)).toEqual({})
  })

  it('of a start that was interrupted is taken: its seal is the one before', async () => {
    const copy = copyOf(killed)
    const { seal } = await stateOf(copy)
    // LMDB holds everything and names a new seal, which the file has not got yet.
    await opened(copy)
    copyFileSync(join(killed, 'journal'), join(copy, 'journal'))
    await writeState(copy, { seal: Buffer.alloc(16, 'new'), formerSeal: seal, isClean: false })
    expect(await opened(copy)).toEqual(acknowledged)
  })
})

describe('a failed sync', () => {
  it('whose block is in the file loses nothing, also by moves and a stop in order', async () => {
    const path = mkdtempSync(join(folder, 'data-'))
    let isFailing = false
    const write: WriteAt = async (file, block, offset, length, place) => {
      const bytesWritten = writeSync(file, block, offset, length, place)
      if (isFailing) throw Object.assign(new Error('input/output error'), { code: 'EIO' })
      return { bytesWritten }
    }
    const engine = new LmdbEngine(path, { journalFile: { write } })
    for (const key of ['a', 'b']) await engine.commit({ puts: [put(key, key)] })
    isFailing = true
    const failed = engine.commit({ puts: [put('unknown', 'x')] })
    await expect(failed).rejects.toMatchObject({ applied: 'unknown' })
    isFailing = false
    const later = engine.commit({ puts: [put('later', 'x')] })
    await expect(later).rejects.toMatchObject({ failure: 'unavailable' })
    // The timer for an idle journal has run by then.
    await sleep(limits.lmdbJournalIdleMs + 200)
    expect(Object.keys(await allOf(engine))).toEqual(['a', 'b'])
    await engine.close()
    expect(await opened(path)).toEqual({ a: 'a', b: 'b', unknown: 'x' })
    expect(await opened(path)).toEqual({ a: 'a', b: 'b', unknown: 'x' })
  })

  it('may have left a block that LMDB holds the beginning of', async () => {
    const copy = copyOf(killed)
    // As earlier versions left it: LMDB was told that it holds the half, but for its last block.
    const before = await opened(copyOf(killed))
    await writeState(copy, { newest: 49 })
    const { 'key-49': last } = await opened(copy)
    expect(last).toBe(before['key-49'])
  })
})

describe('a counter with a wrong checksum', () => {
  it('is not added to', async () => {
    const path = mkdtempSync(join(folder, 'data-'))
    const key = Buffer.from('counter')
    const first = new LmdbEngine(path)
    await first.commit({ sums: [{ key, delta: 5n }] })
    await first.close()
    const data = join(path, 'data.mdb')
    const file = readFileSync(data)
    const value = Buffer.alloc(8)
    value.writeBigInt64BE(5n)
    const packed = sealed(key, pack({ kind: packedKind.counter, revision: 1, value }))
    for (let at = file.indexOf(packed); at >= 0; at = file.indexOf(packed, at + 1)) {
      flip(file, at + packed.length - 1, 1)
    }
    writeFileSync(data, file)
    const engine = new LmdbEngine(path)
    const sum = engine.commit({ sums: [{ key, delta: 1n }], puts: [put('beside', 'x')] })
    await expect(sum).rejects.toMatchObject({ failure: 'damaged' })
    expect(await engine.get([Buffer.from('beside')])).toEqual([undefined])
    // A put replaces it.
    await engine.commit({ puts: [{ key, value: Buffer.from('new') }] })
    await engine.close()
  })
})

describe('keys that are out of order', () => {
  it('end a listing with an error, instead of being listed or going on for ever', async () => {
    const copy = copyOf(killed)
    await opened(copy)
    const data = join(copy, 'data.mdb')
    const engine = new LmdbEngine(copy)
    await engine.moveOn((newest) => newest)
    // An opening would refuse such a file: its pages were damaged since.
    const bytes = readFileSync(data)
    const file = openSync(data, 'r+')
    for (let at = bytes.indexOf('key-20'); at >= 0; at = bytes.indexOf('key-20', at + 1)) {
      writeSync(file, 'key-99', at)
    }
    closeSync(file)
    await expect(allOf(engine)).rejects.toMatchObject({ failure: 'damaged' })
    const before = { start: Buffer.from('key-1'), end: Buffer.from('key-2') }
    expect((await engine.scan(before, { limit: 99, bytes: 10_000 })).entries).toHaveLength(11)
    await engine.close()
  })
})

describe('a very first start', () => {
  it('that ends before LMDB names a journal opens as empty, without a finding', async () => {
    const path = mkdtempSync(join(folder, 'data-'))
    const head = encodeHead(Buffer.alloc(16))
    writeFileSync(join(path, 'journal'), Buffer.concat([head, Buffer.alloc(3 * 1_048_576)]))
    const engine = new LmdbEngine(path)
    expect(engine.opening.findings).toEqual([])
    await engine.commit({ puts: [put('a', '1')] })
    await engine.close()
    expect(await opened(path)).toEqual({ a: '1' })
  })

  it('that ends before the journal has its seal opens as empty, without a finding', async () => {
    const path = mkdtempSync(join(folder, 'data-'))
    await opened(path)
    const copy = mkdtempSync(join(folder, 'data-'))
    // The journal was allocated, then LMDB named its seal: the head has the one of no journal.
    const head = encodeHead(Buffer.alloc(16))
    writeFileSync(join(copy, 'journal'), Buffer.concat([head, Buffer.alloc(16 * 1_048_576)]))
    copyFileSync(join(path, 'data.mdb'), join(copy, 'data.mdb'))
    const change = { seal: Buffer.alloc(16, 'new'), formerSeal: Buffer.alloc(16), isClean: false }
    await writeState(copy, change)
    const engine = new LmdbEngine(copy)
    expect(engine.opening.findings).toEqual([])
    expect(await allOf(engine)).toEqual({})
    await engine.close()
  })
})

describe('a loss of power during the very first write', () => {
  it.each([512, 4_096, 8_192])('of %i bytes opens as empty', async (bytes) => {
    const whole = mkdtempSync(join(folder, 'data-'))
    await new LmdbTables(whole, 1).close()
    const path = mkdtempSync(join(folder, 'data-'))
    copyFileSync(join(whole, 'data.mdb'), join(path, 'data.mdb'))
    truncateSync(join(path, 'data.mdb'), bytes)
    expect(await opened(path)).toEqual({})
    expect(statSync(join(path, 'data.mdb')).size).toBeGreaterThan(bytes)
  })

  it.each([
    ['first', 0],
    ['second', 8_192],
  ])('that lost its %s page opens as empty', async (_, place) => {
    const path = mkdtempSync(join(folder, 'data-'))
    await new LmdbTables(path, 1).close()
    const data = join(path, 'data.mdb')
    writeFileSync(data, readFileSync(data).fill(0, place, place + 8_192))
    expect(await opened(path)).toEqual({})
  })

  it('is no reason to empty a file that LMDB did not write', () => {
    const path = mkdtempSync(join(folder, 'data-'))
    writeFileSync(join(path, 'data.mdb'), 'a text'.repeat(100))
    expect(errorOf(() => new LmdbEngine(path)).message).toContain('is damaged')
    expect(readFileSync(join(path, 'data.mdb'), 'utf8')).toContain('a text')
  })

  it('is no reason to empty a file that has a journal', () => {
    const copy = copyOf(killed)
    truncateSync(join(copy, 'data.mdb'), 8_192)
    expect(errorOf(() => new LmdbEngine(copy)).message).toContain('is damaged')
  })
})

describe('a kill in the middle of a move', () => {
  it('leaves data that is sound without its journal', async () => {
    const path = mkdtempSync(join(folder, 'data-'))
    const journal = await beginJournal(path, { hashSeed: 1 })
    // Each commit writes the same two keys: they must always be of one commit.
    for (let before = 0; before < 40; before += 1) {
      const draft = new GroupDraft(before, {
        half: journal.fresh,
        hashSeed: 1,
        read: () => undefined,
      })
      const value = String(before + 1)
      draft.decide({ puts: [put('one', value), put('other', value), put(`own-${before}`, value)] })
      await journal.append(draft)
    }
    const tables = new LmdbTables(path, 1)
    const seen: string[] = []
    const state = { ...(await stateAt(tables)), isClean: false }
    for (const { rows, newest } of journal.fresh.parts(10, 0)) {
      await tables.write(rows, { ...state, newest })
      const copy = mkdtempSync(join(folder, 'data-'))
      copyFileSync(join(path, 'data.mdb'), join(copy, 'data.mdb'))
      const engine = new LmdbEngine(copy, { givesUp: true })
      const { one, other, ...own } = await allOf(engine)
      expect(other).toBe(one)
      expect(Object.keys(own)).toHaveLength(Number(one))
      seen.push(String(one))
      await engine.close()
    }
    expect(seen.length).toBeGreaterThan(3)
    expect(seen.at(-1)).toBe('40')
    await tables.close()
    journal.close()
  })
})

/** Commits each entry by itself, as a server does that is killed before anything is moved. */
async function killedFolder(entries: Readonly<Record<string, string>>): Promise<string> {
  const path = mkdtempSync(join(folder, 'data-'))
  await append(path, entries)
  return path
}

async function append(path: string, entries: Readonly<Record<string, string>>): Promise<void> {
  const journal = await beginJournal(path, { hashSeed: 1 })
  let before = (await stateOf(path)).newest
  for (const [key, value] of Object.entries(entries)) {
    const draft = new GroupDraft(before, {
      half: journal.fresh,
      hashSeed: 1,
      read: () => undefined,
    })
    draft.decide({ puts: [put(key, value)] })
    await journal.append(draft)
    before = draft.newest
  }
  journal.close()
}

function copyOf(path: string, change = (bytes: Buffer): Buffer => bytes): string {
  const copy = mkdtempSync(join(folder, 'data-'))
  writeFileSync(join(copy, 'journal'), change(readFileSync(join(path, 'journal'))))
  copyFileSync(join(path, 'data.mdb'), join(copy, 'data.mdb'))
  return copy
}

async function stateOf(path: string): Promise<JournalState> {
  const tables = new LmdbTables(path, 1)
  const state = await stateAt(tables)
  await tables.close()
  return state
}

async function stateAt(tables: LmdbTables): Promise<JournalState> {
  const state = tables.state()
  if (!state) throw new Error('There is no state.')
  return state
}

async function opened(path: string): Promise<Record<string, string>> {
  const engine = new LmdbEngine(path)
  const all = await allOf(engine)
  await engine.close()
  return all
}

function put(key: string, value: string): { key: Buffer; value: Buffer } {
  return { key: Buffer.from(key), value: Buffer.from(value) }
}

function flip(bytes: Buffer, place: number, bit: number): Buffer {
  bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
  return bytes
}
