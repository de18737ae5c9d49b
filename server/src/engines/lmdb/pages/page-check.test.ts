import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { numbersOf, type RandomWrites, writeAtRandom } from '../testing.ts'
import { metaAt, numberAt, recordAt } from './layout.ts'
import { PageCheck } from './page-check.ts'

const pageBytes = 8_192
const folder = mkdtempSync(join(tmpdir(), 'coatcheck-pages-'))
afterAll(() => rmSync(folder, { recursive: true }))

const kinds: readonly (Omit<RandomWrites, 'seed'> & { readonly name: string })[] = [
  {
    name: 'short values and keys',
    ...{ transactions: 48, rowsMax: 3_000, keys: 40_000, keyLengthMax: 90 },
    valueLengths: [0, 10, 60],
  },
  {
    name: 'values in pages of their own',
    ...{ transactions: 48, rowsMax: 40, keys: 1_000, keyLengthMax: 30 },
    valueLengths: [4_000, 9_000, 70_000, 300_000],
  },
  {
    name: 'values that almost need pages of their own, and others',
    ...{ transactions: 150, rowsMax: 60, keys: 2_000, keyLengthMax: 300 },
    valueLengths: [0, 300, 1_900, 3_990, 4_030, 4_070],
  },
  {
    name: 'keys of which two fit into a page',
    ...{ transactions: 38, rowsMax: 200, keys: 3_000, keyLengthMax: 4_026 },
    valueLengths: [0, 50, 20_000],
  },
]

it.each(kinds)(
  'finds nothing wrong after any transaction with $name',
  async (kind) => {
    for (const seed of [1, 2]) {
      const path = mkdtempSync(join(folder, 'sound-'))
      let pages = 0
      const written = (turn: number): void => {
        if (turn % 7 === 0 || turn === kind.transactions) pages = checkedPages(path)
      }
      await writeAtRandom(path, { ...kind, seed, written })
      expect(checkedPages(path)).toBe(pages)
      expect(pages).toBeGreaterThan(100)
    }
  },
  120_000,
)

it('has seen trees of several levels, and a list of free pages with pages of its own', async () => {
  const path = mkdtempSync(join(folder, 'large-'))
  const kind = { keys: 20_000, keyLengthMax: 1_000, valueLengths: [60, 9_000], transactions: 12 }
  await writeAtRandom(path, { ...kind, seed: 3, rowsMax: 8_000 })
  const bytes = readFileSync(join(path, 'data.mdb'))
  const [first, second] = [0, pageBytes].map((start) => bytes.subarray(start, start + pageBytes))
  const [one, other] = [first ?? bytes, second ?? bytes]
  const newest = transactionOf(one) > transactionOf(other) ? one : other
  expect(numberAt(newest, metaAt.free + recordAt.valuePages)).toBeGreaterThan(2)
  const main = numberAt(newest, metaAt.main + recordAt.root) * pageBytes
  const named = bytes.indexOf('entries\0', main) + 8
  expect(bytes.readUInt16LE(named + recordAt.depth)).toBeGreaterThan(2)
  expect(checkedPages(path)).toBeGreaterThan(500)
}, 60_000)

it('finds nothing wrong after kills in the middle of writes', async () => {
  const path = mkdtempSync(join(folder, 'killed-'))
  for (let seed = 1; seed <= 6; seed += 1) {
    const child = startWriter(path, seed)
    await once(child, 'message')
    await new Promise((resolve) => setTimeout(resolve, 40 + seed * 31))
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(checkedPages(path)).toBeGreaterThan(0)
  }
}, 60_000)

it('ends on pages of random bytes, and throws nothing', async () => {
  const path = mkdtempSync(join(folder, 'garbage-'))
  const kind = { keys: 1_500, keyLengthMax: 900, valueLengths: [60, 9_000], transactions: 8 }
  await writeAtRandom(path, { ...kind, seed: 4, rowsMax: 200 })
  const file = join(path, 'data.mdb')
  const sound = readFileSync(file)
  const random = numbersOf(5)
  let found = 0
  for (let round = 0; round < 120; round += 1) {
    const bytes = Buffer.from(sound)
    const density = [1, 50, 5_000][round % 3] ?? 1
    const from = round % 5 === 0 ? 0 : 2 * pageBytes
    for (let count = random(4 * density) + 1; count > 0; count -= 1) {
      bytes[from + random(bytes.length - from)] = random(256)
    }
    writeFileSync(file, bytes)
    const { steps, findings } = ranOn(path)
    expect(steps).toBeLessThan((3 * bytes.length) / pageBytes)
    found += findings.length
  }
  expect(found).toBeGreaterThan(100)
}, 60_000)

it('ends on a file of nothing but random bytes', () => {
  const path = mkdtempSync(join(folder, 'noise-'))
  const random = numbersOf(6)
  for (const pages of [0, 1, 2, 9]) {
    writeFileSync(
      join(path, 'data.mdb'),
      Buffer.from(Array.from({ length: pages * pageBytes }, () => random(256))),
    )
    expect(ranOn(path).findings.length).toBeGreaterThan(0)
  }
})

/** Checks a file that must be sound. Returns how many pages were looked at. */
function checkedPages(path: string): number {
  const { findings, notes, steps } = ranOn(path)
  expect({ findings, notes }).toEqual({ findings: [], notes: [] })
  return steps
}

function ranOn(path: string): {
  findings: readonly string[]
  notes: readonly string[]
  steps: number
} {
  const check = new PageCheck(join(path, 'data.mdb'))
  try {
    const steps = [...check.run()].length
    return { findings: check.findings.clauses, notes: check.notes, steps }
  } finally {
    check.close()
  }
}

function transactionOf(meta: Buffer): number {
  return numberAt(meta, metaAt.transaction)
}

/** A process that writes until it is killed, and says when it has begun. */
function startWriter(path: string, seed: number): ChildProcess {
  const kind = { keys: 3_000, keyLengthMax: 200, valueLengths: [60, 9_000], rowsMax: 300 }
  const writes = JSON.stringify({ ...kind, seed, transactions: 100_000 })
  const module = new URL('../testing.ts', import.meta.url)
  const begun = 'written: () => process.send?.("begun")'
  const code = `const { writeAtRandom } = await import(${JSON.stringify(module)})
    await writeAtRandom(${JSON.stringify(path)}, { ...${writes}, ${begun} })`
  const words = ['--input-type=module', '--eval', code]
  return spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}
