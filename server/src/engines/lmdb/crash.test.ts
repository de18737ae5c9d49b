import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import {
  type AtomicWrite,
  EngineError,
  type Entry,
  type Revision,
} from '../../core/engine/engine.ts'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { LmdbEngine } from './lmdb.ts'
import { readTransaction } from './testing.ts'

/** More by `npm run test:long`. */
const runs = Number(process.env.COATCHECK_CRASH_RUNS ?? 2)
/** Too large for the journal: goes straight into LMDB. */
const largeBytes = 600_000
/**
 * A half of the journal holds most of these 600 entries; moving it takes several transactions. A
 * commit of 50 entries is small enough for the journal. All values have the same length, so that
 * overwritten blocks end where new ones do.
 */
const bulkBytes = 3_500
const bulkCount = 50
const movedAtOnce = 128
const bulkKeys = Array.from({ length: 600 }, (_, index) => `bulk ${String(index).padStart(3, '0')}`)
/** Where the halves of the journal begin, and the length of the head of a block. */
const halvesAt = [4_096, 4_096 + 8 * 1_048_576] as const
const blockHeadBytes = 44
const stampBytes = 8

const folder = mkdtempSync(join(tmpdir(), 'coatcheck-crash-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface WriteStep {
  readonly checks: readonly { key: string; holds: boolean }[]
  readonly deletes: readonly string[]
  readonly puts: readonly { key: string; bytes: number; stamped: boolean }[]
  readonly sums: readonly { key: string; delta: bigint }[]
}

/**
 * `commits`: made at once, so that they may share a group. `turn`: commits until the journal
 * switches to its other half, then kills the server while a half is being moved.
 */
type Step =
  | { readonly kind: 'commits'; readonly writes: readonly WriteStep[] }
  | { readonly kind: 'bulk' | 'turn'; readonly from: number }
  | { readonly kind: 'kill' | 'close' | 'rest' }

const names = ['a', 'a\0', 'b', '\xff', 'n', ...bulkKeys.slice(0, 5)]
const anyKey = fc.constantFrom(...names)

const anyWrite = fc
  .record({
    checks: fc.array(fc.record({ key: anyKey, holds: fc.boolean() }), { maxLength: 1 }),
    written: fc.uniqueArray(anyKey, { maxLength: 4 }),
    roles: fc.array(fc.constantFrom('delete', 'put', 'stamped', 'sum'), {
      minLength: 4,
      maxLength: 4,
    }),
    bytes: fc.oneof(
      { weight: 8, arbitrary: fc.nat({ max: 100 }) },
      { weight: 2, arbitrary: fc.constant(bulkBytes) },
      { weight: 1, arbitrary: fc.constant(largeBytes) },
    ),
    delta: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  })
  .map(({ checks, written, roles, bytes, delta }): WriteStep => {
    const of = (role: string): string[] => written.filter((_, index) => roles[index] === role)
    const puts = [
      ...of('put').map((key) => ({ key, bytes, stamped: false })),
      ...of('stamped').map((key) => ({ key, bytes: bytes % largeBytes, stamped: true })),
    ]
    return { checks, deletes: of('delete'), puts, sums: of('sum').map((key) => ({ key, delta })) }
  })

const anyStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(anyWrite, { minLength: 1, maxLength: 5 })
      .map((writes): Step => ({ kind: 'commits', writes })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('bulk', 'turn'), fc.nat(599))
      .map(([kind, from]): Step => ({ kind, from })),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'kill' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: 'close' }, { kind: 'rest' }) },
)

it(`holds exactly what was acknowledged after kills, in ${runs} random sequences`, {
  timeout: 300_000,
}, async () => {
  const steps = fc.array(anyStep, { minLength: 20, maxLength: 40 })
  const property = fc.asyncProperty(steps, async (all) => {
    const run = new CrashRun()
    try {
      for (const step of all) await run.take(step)
      await run.take({ kind: 'kill' })
      await run.take({ kind: 'close' })
    } finally {
      await run.end()
    }
  })
  await fc.assert(property, { numRuns: runs, endOnFailure: true })
})

interface Kept {
  readonly revision: Revision
  /** The value as `shownValue` describes it, or the total of a counter. */
  readonly value: string | bigint
}

/** An engine that is killed, closed and opened again, and a map of what it should hold. */
class CrashRun {
  #path = newFolder()
  #engine = new LmdbEngine(this.#path, { movedAtOnce })
  readonly #killed: { path: string; engine: LmdbEngine }[] = []
  readonly #model = new Map<string, Kept>()
  #newest: Revision = 0
  #values = 0

  async take(step: Step): Promise<void> {
    if (step.kind === 'commits') await this.#commitAll(step.writes)
    if (step.kind === 'bulk') await this.#bulk(step.from, 3)
    if (step.kind === 'turn') await this.#turn(step.from)
    if (step.kind === 'rest') for (let turn = 0; turn < 20; turn += 1) await nextTurn()
    if (step.kind === 'kill') await this.#kill()
    if (step.kind === 'close') await this.#close()
  }

  async end(): Promise<void> {
    for (const { path, engine } of [...this.#killed, { path: this.#path, engine: this.#engine }]) {
      await engine.close()
      rmSync(path, { recursive: true })
    }
  }

  /**
   * Opens a copy of the files. The killed engine keeps its own files, which nobody reads any more.
   */
  async #kill(): Promise<void> {
    const copy = copyOf(this.#path)
    await this.#compare()
    this.#killed.push({ path: this.#path, engine: this.#engine })
    this.#path = copy
    this.#engine = new LmdbEngine(copy, { movedAtOnce })
    await this.#compare()
  }

  async #close(): Promise<void> {
    await this.#engine.close()
    this.#engine = new LmdbEngine(this.#path, { movedAtOnce })
    await this.#compare()
  }

  async #turn(from: number): Promise<void> {
    const heads = headsOf(this.#path)
    for (let commit = 0; headsOf(this.#path) === heads; commit += 1) {
      await this.#bulk(from + commit * bulkCount, 1)
    }
    await this.#kill()
  }

  async #bulk(from: number, commits: number): Promise<void> {
    for (let commit = 0; commit < commits; commit += 1) {
      const puts = Array.from({ length: bulkCount }, (_, index) => {
        const key = bulkKeys[(from + commit * bulkCount + index) % bulkKeys.length] as string
        return { key, bytes: bulkBytes, stamped: false }
      })
      await this.#commitAll([{ checks: [], deletes: [], puts, sums: [] }])
    }
  }

  /** Commits are decided in the order they came in, and revisions have no gaps in this engine. */
  async #commitAll(steps: readonly WriteStep[]): Promise<void> {
    const commits = steps.map((step) => {
      const write = this.#writeOf(step)
      const expected = this.#decide(step, write)
      const committing = this.#engine.commit(write).catch((error: unknown) => {
        if (error instanceof EngineError) return error.failure
        throw error
      })
      return { expected, committing }
    })
    for (const { expected, committing } of commits) expect(await committing).toEqual(expected)
  }

  #writeOf({ checks, deletes, puts, sums }: WriteStep): AtomicWrite {
    return {
      checks: checks.map(({ key, holds }) => {
        const revision = this.#model.get(key)?.revision
        return { key: latin1(key), revision: holds ? revision : (revision ?? 0) + 1 }
      }),
      deletes: deletes.map(latin1),
      puts: puts.map(({ key, bytes, stamped }) => {
        this.#values += 1
        return { key: latin1(key), value: Buffer.alloc(bytes, `${this.#values} `), stamped }
      }),
      sums: sums.map(({ key, delta }) => ({ key: latin1(key), delta })),
    }
  }

  #decide(step: WriteStep, { puts = [] }: AtomicWrite): unknown {
    if (!step.checks.every(({ holds }) => holds)) return { applied: false }
    const totals = step.sums.map(({ key, delta }) => {
      const value = this.#model.get(key)?.value ?? 0n
      return { key, value: typeof value === 'bigint' ? value + delta : undefined }
    })
    if (totals.some(({ value }) => !isTotal(value))) return 'refused'
    this.#newest += 1
    const revision = this.#newest
    for (const key of step.deletes) this.#model.delete(key)
    for (const { key, value, stamped } of puts) {
      const name = text(key) + (stamped ? stampOf(revision) : '')
      this.#model.set(name, { revision, value: shownValue(value) })
    }
    for (const { key, value = 0n } of totals) this.#model.set(key, { revision, value })
    return { applied: true, revision }
  }

  async #compare(): Promise<void> {
    const range = { start: Buffer.alloc(1), end: Buffer.alloc(20, 0xff) }
    const page = await this.#engine.scan(range, { limit: 99_999, bytes: 2 ** 30 })
    const sorted = [...this.#model].sort(([a], [b]) => Number(a > b) - Number(a < b))
    const expected = sorted.map(([key, kept]) => [key, kept.revision, kept.value])
    expect(page.more).toBe(false)
    expect(page.entries.map(shown)).toEqual(expected)
    const got = await this.#engine.get(sorted.map(([key]) => latin1(key)))
    expect(got.map(shown)).toEqual(expected)
    const absent = names.filter((name) => !this.#model.has(name))
    expect((await this.#engine.get(absent.map(latin1))).filter(Boolean)).toEqual([])
  }
}

/**
 * A copy of the files as a kill would leave them now. No commit is running, so nothing writes to
 * the journal; what a move writes to LMDB meanwhile is in the journal as well. So the copy may
 * contain half of a move.
 */
function copyOf(path: string): string {
  const copy = newFolder()
  writeFileSync(join(copy, 'data.mdb'), readTransaction(path))
  writeFileSync(join(copy, 'journal'), readFileSync(join(path, 'journal')))
  return copy
}

/** The heads of the first blocks of both halves: they change when the journal switches halves. */
function headsOf(path: string): string {
  const journal = readFileSync(join(path, 'journal'))
  const heads = halvesAt.map((start) => journal.subarray(start, start + blockHeadBytes))
  return Buffer.concat(heads).toString('hex')
}

function newFolder(): string {
  return mkdtempSync(join(folder, 'data-'))
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function isTotal(total: bigint | undefined): boolean {
  return total !== undefined && BigInt.asIntN(64, total) === total
}

function shown(entry: Entry | undefined): unknown {
  if (!entry) return undefined
  const { key, value, revision, isCounter } = entry
  const total = isCounter ? Buffer.from(value).readBigInt64BE() : shownValue(value)
  return [text(key), revision, total]
}

function shownValue(value: Bytes): string {
  return `${value.length} bytes, ${crc32(value)}`
}

function stampOf(revision: Revision): string {
  const stamp = Buffer.alloc(stampBytes)
  stamp.writeBigUInt64BE(BigInt(revision))
  return text(stamp)
}

function latin1(name: string): Buffer {
  return Buffer.from(name, 'latin1')
}

function text(bytes: Bytes): string {
  return Buffer.from(bytes).toString('latin1')
}
