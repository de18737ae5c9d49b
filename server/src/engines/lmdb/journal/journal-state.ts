import { crc32 } from 'node:zlib'
import { EngineError, type Revision } from '../../../core/engine/engine.ts'

/** The length of a seal: random bytes, different for each start. */
export const sealBytes = 16

/** What LMDB says of itself and of the journal in front of it. It is written with each move. */
export interface JournalState {
  /** The newest commit that LMDB holds. */
  readonly newest: Revision
  /** The seal of the journal whose blocks continue `newest`. */
  readonly seal: Buffer
  /**
   * The seal of the journal before. LMDB holds all of it: the file has this seal if a start was
   * interrupted before it wrote the new one.
   */
  readonly formerSeal: Buffer
  /** Whether LMDB holds all commits: after a stop in order. Then nobody needs the journal. */
  readonly isClean: boolean
  /** What starts dropped of the journal last; undefined: nothing. */
  readonly dropped: DroppedBlock | undefined
}

/** A block at the end of a journal that was not whole. */
export interface DroppedBlock {
  /** The newest commit before it. */
  readonly after: Revision
  readonly bytes: number
}

/**
 * The layout of the state. DO NOT CHANGE: it is on disk. Numbers are big-endian, revisions doubles.
 *
 *   0..3   CRC-32 of all that follows
 *   4      1: LMDB holds all commits, 0: the journal may hold more
 *   5..12  the newest commit that LMDB holds
 *   13..28 the seal of the journal, 29..44 that of the journal before
 *   45..52 the newest commit before the block that was dropped, 53..60 the bytes of it (0: none)
 */
const at = { flags: 4, newest: 5, seal: 13, former: 29, after: 45, dropped: 53, end: 61 } as const

export function encodeState(state: JournalState): Buffer {
  const { newest, seal, formerSeal, isClean, dropped } = state
  const bytes = Buffer.alloc(at.end)
  bytes[at.flags] = isClean ? 1 : 0
  bytes.writeDoubleBE(newest, at.newest)
  seal.copy(bytes, at.seal)
  formerSeal.copy(bytes, at.former)
  bytes.writeDoubleBE(dropped?.after ?? 0, at.after)
  bytes.writeDoubleBE(dropped?.bytes ?? 0, at.dropped)
  bytes.writeUInt32BE(crc32(bytes.subarray(at.flags)))
  return bytes
}

/** Throws EngineError `unavailable`. */
export function decodeState(bytes: Buffer): JournalState {
  const isWhole =
    bytes.length === at.end && bytes.readUInt32BE() === crc32(bytes.subarray(at.flags))
  if (!isWhole) {
    const what = 'the entry that names its journal and its newest commit'
    throw new EngineError('unavailable', `The data file is damaged: ${what}.`)
  }
  const droppedBytes = bytes.readDoubleBE(at.dropped)
  return {
    newest: bytes.readDoubleBE(at.newest),
    seal: Buffer.from(bytes.subarray(at.seal, at.seal + sealBytes)),
    formerSeal: Buffer.from(bytes.subarray(at.former, at.former + sealBytes)),
    isClean: bytes[at.flags] === 1,
    dropped:
      droppedBytes > 0 ? { after: bytes.readDoubleBE(at.after), bytes: droppedBytes } : undefined,
  }
}
