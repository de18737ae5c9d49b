import type { Entry } from '../engine/engine.ts'
import { asBuffer } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { WholeRecord } from '../records/record.ts'
import { assertBatch } from '../records/validate.ts'

/** One pair of a project's seed. */
export interface SeedPair {
  readonly key: string
  /** Valid JSON, as it was given: numbers stay as they were written. */
  readonly json: string
}

/**
 * On disk: a JSON array of pairs, each a key and the text of its value. Throws `seed-invalid`,
 * `record-key-invalid`, and `too-many` if it does not fit into one commit.
 */
export function encodeSeed(pairs: readonly SeedPair[]): Buffer {
  assertBatch(pairs.map(({ key }) => key))
  const bytes = Buffer.from(JSON.stringify(pairs.map(({ key, json }) => [key, json])))
  if (bytes.length <= limits.seedBytesMax) return bytes
  const rule = `at most ${limits.seedBytesMax} bytes, but this one has ${bytes.length}`
  throw new StorageError('seed-invalid', `A seed may have ${rule}.`)
}

/** Throws `record-damaged`. */
export function decodeSeed(entry: Entry): readonly SeedPair[] {
  if (entry.isDamaged) throw new StorageError('record-damaged', 'The seed is damaged.')
  const pairs: readonly (readonly [string, string])[] = JSON.parse(
    asBuffer(entry.value).toString('utf8'),
  )
  return pairs.map(([key, json]) => ({ key, json }))
}

/** The records for these pairs. */
export function recordsOf(pairs: readonly SeedPair[]): readonly WholeRecord[] {
  return pairs.map(({ key, json }) => ({
    key,
    contentType: 'application/json',
    bytes: Buffer.from(json),
    jsonState: 'sound',
  }))
}
