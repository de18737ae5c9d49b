import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { expect, it, onTestFinished } from 'vitest'
import { pageBytes, pagesFor, type Tree, treeOf } from './tree.ts'

const transactions = 400
const entriesMax = 3_000

it('never says fewer pages than LMDB takes, and counts all free pages', async () => {
  const { write, tree } = openTables()
  const random = numbersOf(7)
  const written = new Map<string, Buffer>()
  let [most, reused] = [0, 0]
  for (let turn = 0; turn < transactions; turn += 1) {
    const rows = Array.from({ length: 1 + random(turn % 9 === 0 ? 600 : 20) }, () => {
      const key = Buffer.from(`${random(entriesMax)}`.padStart(1 + random(40), '0'))
      return { key, packed: Buffer.alloc([0, 0, 60, 300, 1_900, 3_990, 70_000][random(7)] ?? 0) }
    })
    for (const { key } of rows) written.set(key.toString(), key)
    const before = tree()
    const pages = pagesFor(rows, before)
    await write(rows)
    const after = tree()
    const taken = after.lastPage - before.lastPage
    expect(taken).toBeLessThanOrEqual(pages)
    most = Math.max(most, taken)
    if (taken === 0 && after.freePages < before.freePages) reused += 1
  }
  expect(most).toBeGreaterThan(100)
  expect(reused).toBeGreaterThan(0)
  await write([...written.values()].map((key) => ({ key, packed: Buffer.alloc(0) })))
  const { lastPage, freePages, leafPages } = tree()
  expect(leafPages).toBe(0)
  // All but the first pages, and the list of the free ones.
  expect(freePages).toBeGreaterThan(lastPage * 0.99)
}, 60_000)

function openTables(): {
  write(rows: readonly { key: Buffer; packed: Buffer }[]): Promise<void>
  tree(): Tree
} {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-tree-'))
  const root = open({ path, pageSize: pageBytes, ...binary, eventTurnBatching: false })
  const entries = root.openDB<Buffer, Buffer>('entries', binary)
  const meta = root.openDB<Buffer, Buffer>('meta', binary)
  onTestFinished(async () => {
    await root.close()
    rmSync(path, { recursive: true })
  })
  return {
    write: async (rows) => {
      await root.childTransaction(() => {
        for (const { key, packed } of rows) {
          if (packed.length > 0) entries.put(key, packed)
          else entries.remove(key)
        }
      })
      root.resetReadTxn()
    },
    tree: () => {
      const tree = treeOf(entries.getStats(), meta.getStats())
      root.resetReadTxn()
      return tree
    },
  }
}

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const

/** The same numbers in each run: a linear congruential generator. */
function numbersOf(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * limit)
  }
}
