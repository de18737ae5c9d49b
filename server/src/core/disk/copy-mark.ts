import type { Entry, Revision } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { formatKey } from './keyspace.ts'

/** Which data is copied, and at which of its revisions. */
export interface CopyOrigin {
  /** The source's format entry. Its creation time tells one installation from another. */
  readonly format: string
  /** The source's newest revision. */
  readonly newest: Revision
}

/** A number of entries, and the bytes of their keys and values. */
export interface CopyTotals {
  readonly entries: number
  readonly bytes: number
}

/**
 * How far a copy got. The mark is stored in the target under the key of the format entry. So no
 * Coatcheck, neither this version nor an earlier one, serves an incomplete copy. The last restore
 * overwrites the mark with the format entry.
 */
export interface CopyMark {
  readonly origin: CopyOrigin
  /** All that is to be copied. */
  readonly totals: CopyTotals
  /** Damaged entries of the source, which are left out. */
  readonly skipped: number
  /** What was copied so far. */
  readonly copied: CopyTotals
  /** The last key that was copied; undefined: the target must still be emptied. */
  readonly behind: Buffer | undefined
}

/** Stands in the format entry in place of the version number. DO NOT CHANGE, it is on disk. */
const version = 'copying'

/** DO NOT CHANGE, it is on disk: JSON, with `behind` in hex. */
export function encodeCopyMark({ behind, ...mark }: CopyMark): Buffer {
  return Buffer.from(JSON.stringify({ version, ...mark, behind: behind?.toString('hex') }))
}

export function copyMarkEntry(mark: CopyMark): Entry {
  const value = encodeCopyMark(mark)
  return { key: formatKey, value, revision: mark.origin.newest, isCounter: false }
}

/** Undefined: the format entry is not the mark of an incomplete copy. */
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
    const sentence = 'The entry with the format of the data is not valid JSON.'
    throw new StorageError('storage-unavailable', sentence, { cause })
  }
}
