import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  statfsSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { EngineError } from '../../../core/engine/engine.ts'
import type { EngineHealth } from '../../../core/engine/installed-engine.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { pageBytes } from '../room/tree.ts'
import { foundNoRoom } from './failure.ts'

// The two meta pages that open an LMDB 1.0 data file (struct MDB_meta behind a page header of 24
// bytes): https://github.com/kriszyp/lmdb-js/blob/master/dependencies/lmdb/libraries/liblmdb/mdb.c
const magic = 0xbeefc0de
const metaAt = { magic: 24, pageSize: 48, lastPage: 144, transaction: 152 } as const
const metaBytes = 160
/** What a disk writes whole or not at all. */
const sectorBytes = 512

interface Meta {
  readonly pageSize: number
  readonly lastPage: bigint
  readonly transaction: bigint
}

/**
 * LMDB maps its file into memory and trusts it: if the file is cut short, the first read behind its
 * end kills the process with SIGBUS. So this checks the shape of the file before LMDB opens it.
 * A file that a loss of power left in the middle of LMDB's very first write is emptied: LMDB then
 * begins anew. Returns whether the file holds pages. Throws EngineError `unavailable` with a
 * sentence for the user.
 */
export function assertSoundFile(folder: string, { isReadOnly = false } = {}): boolean {
  const path = join(folder, 'data.mdb')
  try {
    if (isUnborn(folder)) {
      if (!isReadOnly) truncateSync(path)
      return false
    }
    return hasSoundShape(path)
  } catch (error) {
    if (error instanceof EngineError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    const sentence = `The data file ${path} can't be read: ${reason}.`
    throw new EngineError('unavailable', sentence, { cause: error })
  }
}

/**
 * LMDB crashes if the disk has no room for the files that it creates. Throws EngineError `full`
 * with a sentence for the user.
 */
export function assertRoom(folder: string): void {
  const files = ['data.mdb', 'lock.mdb'].map((name) => join(folder, name))
  if (files.every((file) => statSync(file, { throwIfNoEntry: false })?.size)) return
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= limits.lmdbNewFilesBytesMax) return
  throw new EngineError('full', `The disk of ${folder} is full: a new data folder needs 18 MB.`)
}

/**
 * LMDB ends the process if its very first write fails. So this tries to write as much before it.
 * To be called only if the data file holds no pages. Throws EngineError `full` or `unavailable`
 * with a sentence for the user.
 */
export function assertWritable(folder: string): void {
  const path = join(folder, 'data.mdb')
  try {
    const file = openSync(path, 'w', 0o600)
    try {
      writeSync(file, Buffer.alloc(2 * pageBytes), 0, 2 * pageBytes, 0)
      fsyncSync(file)
      ftruncateSync(file)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    if (foundNoRoom(cause)) throw new EngineError('full', 'The disk is full.', { cause })
    const reason = cause instanceof Error ? cause.message : String(cause)
    const sentence = `The data file ${path} can't be written: ${reason}.`
    throw new EngineError('unavailable', sentence, { cause })
  }
}

/**
 * The free space of the disk, and sentences for the operator about it; none while there is enough.
 */
export function diskRoomOf(folder: string): Pick<EngineHealth, 'freeBytes' | 'notes'> {
  let freeBytes: number
  try {
    const { bavail, bsize } = statfsSync(folder)
    freeBytes = bavail * bsize
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { notes: [`The free space of the disk of ${folder} can't be read: ${reason}.`] }
  }
  const note = `The disk of ${folder} has ${Math.floor(freeBytes / 1_048_576)} MiB of room left.`
  return { freeBytes, notes: freeBytes < limits.lmdbFreeBytesMin ? [note] : [] }
}

/**
 * Whether LMDB never completed its first write: it holds nothing then, and the journal is made
 * later. A file that held data once is larger, or has a journal.
 */
function isUnborn(folder: string): boolean {
  const path = join(folder, 'data.mdb')
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0 || size > limits.lmdbFirstWriteBytesMax) return false
  if (existsSync(join(folder, 'journal'))) return false
  const file = openSync(path, 'r')
  try {
    const places = [0, pageBytes]
    const metas = places.map((place) => readMeta(file, place))
    // Both pages are written first, with transaction 0, which holds nothing.
    const holdsNone = metas.some((meta) => !meta) || metas.every((meta) => meta?.transaction === 0n)
    return holdsNone && places.every((place) => isMetaOrZeros(file, place))
  } finally {
    closeSync(file)
  }
}

/** What a write of one of the first two pages leaves of it, if it is cut off. */
function isMetaOrZeros(file: number, position: number): boolean {
  const bytes = Buffer.alloc(sectorBytes)
  const count = readSync(file, bytes, 0, sectorBytes, position)
  if (count < metaBytes && !bytes.some((byte) => byte !== 0)) return true
  return readMeta(file, position) !== undefined || !bytes.some((byte) => byte !== 0)
}

/** False: there is no file, or it is empty. */
function hasSoundShape(path: string): boolean {
  const file = openExisting(path)
  if (file === undefined) return false
  try {
    const size = fstatSync(file).size
    if (size === 0) return false
    const first = readMeta(file, 0)
    const second = first && readMeta(file, first.pageSize)
    if (!first || !second) throw damaged(path, 'does not begin as an LMDB file')
    const newest = first.transaction > second.transaction ? first : second
    const needed = (newest.lastPage + 1n) * BigInt(newest.pageSize)
    if (BigInt(size) < needed) throw damaged(path, `is cut short: ${size} of ${needed} bytes`)
    return true
  } finally {
    closeSync(file)
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function readMeta(file: number, position: number): Meta | undefined {
  const bytes = Buffer.alloc(metaBytes)
  const count = readSync(file, bytes, 0, metaBytes, position)
  if (count < metaBytes || bytes.readUInt32LE(metaAt.magic) !== magic) return undefined
  return {
    pageSize: bytes.readUInt32LE(metaAt.pageSize),
    lastPage: bytes.readBigUInt64LE(metaAt.lastPage),
    transaction: bytes.readBigUInt64LE(metaAt.transaction),
  }
}

function damaged(path: string, what: string): EngineError {
  return new EngineError('unavailable', `The data file ${path} is damaged: it ${what}.`)
}
