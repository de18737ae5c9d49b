import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { addToCounter, decodeCounter, encodeCounter } from '../../../src/core/engine/counter.ts'
import type { AtomicWrite, Put, Revision } from '../../../src/core/engine/engine.ts'
import type { Bytes } from '../../../src/core/kernel/bytes.ts'
import { Random } from '../load/random.ts'

/** Names one commit. Its content follows from its name alone, so that nobody has to store it. */
export interface CommitName {
  readonly seed: number
  /** Which process made it: a folder is opened several times. */
  readonly session: number
  readonly writer: number
  readonly number: number
  /** Whether all values are long: 200 commits fill both halves of the journal. */
  readonly isHeavy: boolean
}

/** An entry as it is read, with its value as `describe` returns it. */
export interface ShownEntry {
  readonly revision: Revision
  readonly value: string
}

/** What a damaged entry shows in place of a value. */
export const damaged = 'damaged'

/** All entries by their keys, which are read as latin1. */
export type Shown = ReadonlyMap<string, ShownEntry>

/** Each commit puts one key that begins so and ends with its revision: the value is its name. */
export const logPrefix = 'log '
const counters = ['sum a', 'sum b', 'sum c']
const stampBytes = 8

/** How many bytes a value has. Above 256 KiB a commit goes into LMDB at once. */
const sizes: readonly (readonly [range: readonly [number, number], weight: number])[] = [
  [[0, 200], 60],
  [[200, 2_000], 20],
  [[3_000, 9_000], 12],
  [[20_000, 60_000], 5],
  [[270_000, 330_000], 3],
]

const heavySize = [20_000, 60_000] as const

/** What one commit writes: puts, deletes and sums of keys that the writers share. */
export function writeOf(name: CommitName): AtomicWrite & { readonly puts: readonly Put[] } {
  const random = new Random(crc32(JSON.stringify(name)))
  const keys = new Set(Array.from({ length: random.between(1, 4) }, () => keyOf(random)))
  const [least, most] = name.isHeavy ? heavySize : random.weighted(sizes)
  const deletes = [...keys].filter(() => random.fraction() < 0.2)
  const puts = [...keys].filter((key) => !deletes.includes(key))
  return {
    deletes: deletes.map(bytesOf),
    puts: [
      { key: bytesOf(logPrefix), value: Buffer.from(JSON.stringify(name)), stamped: true },
      ...puts.map((key) => ({
        key: bytesOf(key),
        value: bytesFor(`${JSON.stringify(name)} ${key}`, random.between(least, most)),
      })),
    ],
    sums: counters
      .filter(() => random.fraction() < 0.3)
      .map((key) => ({ key: bytesOf(key), delta: BigInt(random.between(-9, 99)) })),
  }
}

/** What is stored after these commits, in the order of their revisions. */
export function replay(commits: ReadonlyMap<Revision, CommitName>): Shown {
  const shown = new Map<string, ShownEntry>()
  const totals = new Map<string, bigint>()
  for (const [revision, name] of [...commits].sort(([a], [b]) => a - b)) {
    const { deletes = [], puts, sums = [] } = writeOf(name)
    for (const key of deletes) shown.delete(nameOf(key))
    for (const { key, value, stamped } of puts) {
      const stored = stamped ? `${nameOf(key)}${stampOf(revision)}` : nameOf(key)
      shown.set(stored, { revision, value: describe(stored, value) })
    }
    for (const { key, delta } of sums) {
      const total = addToCounter(totals.get(nameOf(key)) ?? decodeCounter(undefined), delta)
      totals.set(nameOf(key), total)
      shown.set(nameOf(key), { revision, value: describe(nameOf(key), encodeCounter(total)) })
    }
  }
  return shown
}

/** The commit's name where the key is one of the log; else length and checksum of the value. */
export function describe(key: string, value: Bytes): string {
  if (key.startsWith(logPrefix)) return nameOf(value)
  return `${value.length} bytes, ${crc32(value)}`
}

export function nameOf(key: Bytes): string {
  return Buffer.from(key).toString('latin1')
}

export function bytesOf(name: string): Buffer {
  return Buffer.from(name, 'latin1')
}

/** The commits whose log keys are stored, by their revisions. */
export function commitsIn(shown: Shown): Map<Revision, CommitName> {
  const logged = [...shown].filter(([key]) => key.startsWith(logPrefix))
  const named = logged.map(([key, { value }]) => {
    const revision = Number(bytesOf(key).readBigUInt64BE(key.length - stampBytes))
    return [revision, JSON.parse(value) as CommitName] as const
  })
  return new Map(named)
}

/** The end of a key that is stamped with a revision. */
function stampOf(revision: Revision): string {
  const stamp = Buffer.alloc(stampBytes)
  stamp.writeBigUInt64BE(BigInt(revision))
  return nameOf(stamp)
}

function keyOf(random: Random): string {
  return `key ${String(random.between(0, 59)).padStart(2, '0')}`
}

/** Bytes without repetitions, so that shifted and swapped parts are noticed. */
function bytesFor(name: string, length: number): Buffer {
  if (length === 0) return Buffer.alloc(0)
  return createHash('shake256', { outputLength: length }).update(name).digest()
}
