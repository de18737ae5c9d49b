import type { Entry, Revision } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { formatKey } from './keyspace.ts'

/** Which data is copied, and at which of its revisions. */
export interface CopyOrigin {
  /** The source's format entry: when it was made tells one installation from another. */
  readonly format: string
  /** Its newest revision. */
  readonly newest: Revision
}

/** Entries, and bytes of their keys and values. */
export interface CopyTotals {
  readonly entries: number
  readonly bytes: number
}

/**
 * How far a copy is. It stands in the target where the format will stand, so that no Coatcheck,
 * this or an earlier one, serves half a copy, and the last restore ends it by putting the format
 * there.
 */
export interface CopyMark {
  readonly origin: CopyOrigin
  /** All that is to be copied. */
  readonly totals: CopyTotals
  /** Damaged entries of the source, which are left out. */
  readonly skipped: number
  /** What is there. */
  readonly copied: CopyTotals
  /** The last key that was copied; undefined: the target is yet to be emptied. */
  readonly behind: Buffer | undefined
}

/** What a format entry says in place of its version. DO NOT CHANGE, it is on disk. */
const version = 'copying'

/** DO NOT CHANGE, it is on disk: JSON, with `behind` in hex. */
export function encodeCopyMark({ behind, ...mark }: CopyMark): Buffer {
  return Buffer.from(JSON.stringify({ version, ...mark, behind: behind?.toString('hex') }))
}

export function copyMarkEntry(mark: CopyMark): Entry {
  const value = encodeCopyMark(mark)
  return { key: formatKey, value, revision: mark.origin.newest, isCounter: false }
}

/** Undefined: the format entry is none of half a copy. */
export function readCopyMark({ value, isDamaged }: Entry): CopyMark | undefined {
  if (isDamaged) return undefined
  const { version: found, origin, totals, skipped, copied, behind } = parse(value)
  if (found !== version) return undefined
  const last = behind === undefined ? undefined : Buffer.from(behind, 'hex')
  return { origin, totals, skipped, copied, behind: last }
}

function parse(value: Bytes) {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8'))
  } catch (cause) {
    const sentence = 'The entry that says which format the data has is no JSON.'
    throw new StorageError('storage-unavailable', sentence, { cause })
  }
}
