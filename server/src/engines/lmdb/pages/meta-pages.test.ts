import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineError } from '../../../core/engine/engine.ts'
import { LmdbEngine } from '../lmdb.ts'
import { put } from '../testing.ts'
import { metaAt, numberAt, recordAt } from './layout.ts'
import { PageCheck } from './page-check.ts'

const pageBytes = 8_192
const folder = mkdtempSync(join(tmpdir(), 'coatcheck-metas-'))
const sound = join(folder, 'sound')
const copy = join(folder, 'copy')
afterAll(() => rmSync(folder, { recursive: true }))

/** Too large for the journal: it goes straight into LMDB. */
const large = Buffer.alloc(600_000, 'x')
let bytes = Buffer.alloc(0)
/** Where the newest and the other meta page begin. */
let [newest, other] = [0, 0]

beforeAll(async () => {
  cpSync(mkdtempSync(join(folder, 'empty-')), sound, { recursive: true })
  const engine = new LmdbEngine(sound)
  await engine.commit(put('first', 'value'))
  await engine.commit({ puts: [{ key: Buffer.from('newest'), value: large }] })
  // As a kill leaves it: a stop in order would end with transactions that change nothing.
  cpSync(sound, join(folder, 'killed'), { recursive: true })
  await engine.close()
  rmSync(sound, { recursive: true })
  cpSync(join(folder, 'killed'), sound, { recursive: true })
  bytes = readFileSync(join(sound, 'data.mdb'))
  const isSecond = transactionAt(bytes, pageBytes) > transactionAt(bytes, 0)
  ;[newest, other] = isSecond ? [pageBytes, 0] : [0, pageBytes]
})

describe('a bit of the number of a transaction', () => {
  it('never makes the newest commit disappear without a word', async () => {
    const outcomes = { refused: 0, told: 0, unharmed: 0 }
    for (const meta of [newest, other]) {
      for (let bit = 0; bit < 64; bit += 1) {
        const at = meta + metaAt.transaction + Math.floor(bit / 8)
        outcomes[await outcomeOf(flipped(at, bit % 8))] += 1
      }
    }
    expect(outcomes.unharmed).toBe(0)
    expect(outcomes.refused).toBeGreaterThan(60)
    expect(outcomes.told).toBeGreaterThan(0)
  }, 60_000)

  it('is refused if it hides the newest commits', () => {
    const damaged = Buffer.from(bytes)
    damaged.writeBigUInt64LE(0n, newest + metaAt.transaction)
    const { findings } = checked(damaged)
    expect(findings).toHaveLength(1)
    expect(findings.join()).toContain('the newest commits may be missing')
  })

  it('is only noted if LMDB uses the other page anyway', () => {
    const damaged = Buffer.from(bytes)
    damaged.writeBigUInt64LE(0n, other + metaAt.transaction)
    const { findings, notes } = checked(damaged)
    expect(findings).toEqual([])
    expect(notes.join()).toContain('nothing is missing')
  })

  it('is noted if a failed write may have put it there', () => {
    const damaged = Buffer.from(bytes)
    const transaction = transactionAt(bytes, newest)
    damaged.writeBigUInt64LE(BigInt(transaction - 2), newest + metaAt.transaction)
    const { findings, notes } = checked(damaged)
    expect(findings).toEqual([])
    expect(notes.join()).toContain(`names pages of transaction ${transaction}`)
  })
})

describe('a field of the newest meta page', () => {
  it.each([
    ['its number', 0, 1, 'has the number'],
    ['its flags', 18, 1, 'has the flags'],
    ['the magic number', metaAt.magic, 1, 'as one of LMDB'],
    ['the version', metaAt.version, 1, 'has the version'],
    ['the address', metaAt.address, 1, 'has an address'],
    ['the size of the map', metaAt.mapSize + 7, 0x40, 'has a map of'],
    ['the size of pages', metaAt.free + recordAt.pad, 1, 'has pages of'],
    ['the order of free pages', metaAt.free + recordAt.flags, 4, 'has wrong flags'],
    ['flags of the list of maps', metaAt.main + recordAt.flags, 4, 'has wrong flags'],
    ['the depth', metaAt.main + recordAt.depth + 1, 1, 'has a tree of'],
    ['the leaves', metaAt.main + recordAt.leafPages, 1, 'counts no pages'],
    ['the root', metaAt.main + recordAt.root + 5, 1, 'no page of a tree'],
    ['the last page', metaAt.lastPage + 3, 1, 'has the last page'],
  ])('is compared: %s', (_, at, mask, says) => {
    const damaged = Buffer.from(bytes)
    damaged.writeUInt8(damaged.readUInt8(newest + at) ^ mask, newest + at)
    const [finding] = checked(damaged).findings
    expect(finding).toContain(`page ${newest / pageBytes} `)
    expect(finding).toContain(says)
  })

  it('of the other page is only noted', () => {
    const damaged = Buffer.from(bytes)
    damaged.writeUInt8(damaged.readUInt8(other + metaAt.address) ^ 1, other + metaAt.address)
    expect(checked(damaged).findings).toEqual([])
    expect(checked(damaged).notes.join()).toContain(`page ${other / pageBytes} has an address`)
  })
})

function flipped(at: number, bit: number): Buffer {
  const damaged = Buffer.from(bytes)
  damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at)
  return damaged
}

function transactionAt(file: Buffer, meta: number): number {
  return numberAt(file, meta + metaAt.transaction)
}

function checked(damaged: Buffer): { findings: readonly string[]; notes: readonly string[] } {
  const path = join(folder, 'checked')
  writeFileSync(path, damaged)
  const check = new PageCheck(path)
  for (const _ of check.run());
  check.close()
  return { findings: check.findings.clauses, notes: check.notes }
}

async function outcomeOf(damaged: Buffer): Promise<'refused' | 'told' | 'unharmed'> {
  rmSync(copy, { recursive: true, force: true })
  cpSync(sound, copy, { recursive: true })
  writeFileSync(join(copy, 'data.mdb'), damaged)
  let engine: LmdbEngine
  try {
    engine = new LmdbEngine(copy)
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError)
    return 'refused'
  }
  const [entry] = await engine.get([Buffer.from('newest')])
  const isTold = engine.opening.findings.length > 0
  await engine.close()
  if (isTold) return 'told'
  expect(entry?.value).toEqual(large)
  return 'unharmed'
}
