import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LmdbEngine } from '../lmdb.ts'
import { errorOf, writeAtRandom } from '../testing.ts'
import { assertSoundPages, damageIn } from './sound-pages.ts'

const pageBytes = 8_192
const branch = 1
const leaf = 2
const folder = mkdtempSync(join(tmpdir(), 'coatcheck-opening-'))
const sound = join(folder, 'sound')
afterAll(() => rmSync(folder, { recursive: true }))

let pages: readonly { readonly page: number; readonly flags: number }[] = []

beforeAll(async () => {
  cpSync(mkdtempSync(join(folder, 'empty-')), sound, { recursive: true })
  const kind = { keys: 30_000, keyLengthMax: 300, valueLengths: [1_900], rowsMax: 30_000 }
  // All pages of the first transaction on an empty file are in use, but for a few.
  await writeAtRandom(sound, { ...kind, seed: 8, transactions: 1 })
  const bytes = readFileSync(join(sound, 'data.mdb'))
  pages = Array.from({ length: bytes.length / pageBytes }, (_, page) => ({
    page,
    flags: bytes.readUInt16LE(page * pageBytes + 18),
  }))
})

it('an opening refuses a damaged page, names it and says what to do', () => {
  const path = damagedCopy([pageWith(branch)])
  const error = errorOf(() => new LmdbEngine(path))
  const file = join(path, 'data.mdb')
  expect(error).toMatchObject({ failure: 'unavailable' })
  expect(error.message).toContain(`The data file ${file} is damaged: page ${pageWith(branch)} `)
  expect(error.message).toContain('Bring back a backup. coatcheck check lists all damaged pages.')
})

it('an opening to read refuses it as well', () => {
  const path = damagedCopy([pageWith(branch)])
  expect(errorOf(() => new LmdbEngine(path, { isReadOnly: true })).message).toContain('is damaged')
})

it('an opening checks a part of a large file: upper levels first', () => {
  // Without the bound in time, so that a busy machine does not matter.
  const bounds = { bytesMax: 40 * pageBytes, msMax: 600_000 }
  expect(assertSoundPages(sound, bounds)).toEqual([])
  const upper = damagedCopy([pageWith(branch)])
  expect(() => assertSoundPages(upper, bounds)).toThrow('is damaged')
  const lower = damagedCopy([pageWith(leaf)])
  expect(assertSoundPages(lower, bounds)).toEqual([])
  expect(() => assertSoundPages(lower, { msMax: 600_000 })).toThrow('is damaged')
  expect(assertSoundPages(lower, { msMax: -1 })).toEqual([])
})

it('a check finds all damaged pages of a file, and lets others go ahead meanwhile', async () => {
  const damaged = [-1, 0, 1].map((step) => pageWith(leaf, step))
  const path = damagedCopy(damaged)
  const seen: [number, number][] = []
  let turns = 0
  setImmediate(() => (turns += 1))
  const onPages = (done: number, total: number): void => {
    seen.push([done, total])
    if (seen.length === 2) expect(turns).toBe(1)
  }
  const { sentences, count } = await damageIn(path, onPages)
  expect(count).toBe(3)
  for (const page of damaged) expect(sentences.join('\n')).toContain(`page ${page} `)
  expect(seen.length).toBeGreaterThan(1)
  for (const [done, total] of seen) expect(done).toBeLessThanOrEqual(total)
})

it('a check finds nothing where there is no file, or an empty one', async () => {
  const path = mkdtempSync(join(folder, 'none-'))
  expect(await damageIn(path)).toEqual({ sentences: [], count: 0 })
  writeFileSync(join(path, 'data.mdb'), '')
  expect(await damageIn(path)).toEqual({ sentences: [], count: 0 })
})

it('an opening to read refuses a file that holds nothing yet', () => {
  const path = mkdtempSync(join(folder, 'none-'))
  writeFileSync(join(path, 'data.mdb'), '')
  const error = errorOf(() => new LmdbEngine(path, { isReadOnly: true }))
  expect(error.message).toContain('its first start was interrupted')
})

/** One in the middle of those of a kind, or near it: the entries have almost all pages. */
function pageWith(kind: number, step = 0): number {
  const found = pages.filter(({ flags }) => flags === kind)
  return found[Math.floor(found.length / 2) + step]?.page ?? 0
}

function damagedCopy(damaged: readonly number[]): string {
  const path = mkdtempSync(join(folder, 'damaged-'))
  const bytes = readFileSync(join(sound, 'data.mdb'))
  for (const page of damaged)
    bytes.writeUInt8(bytes.readUInt8(page * pageBytes + 20) ^ 1, page * pageBytes + 20)
  writeFileSync(join(path, 'data.mdb'), bytes)
  return path
}
