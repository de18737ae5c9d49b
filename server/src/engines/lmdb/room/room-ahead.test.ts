import {
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { limits } from '../../../core/kernel/limits.ts'
import { foundNoRoom } from '../files/failure.ts'
import { RoomAhead, type RoomAheadParts } from './room-ahead.ts'
import { pageBytes, type Tree } from './tree.ts'

const mebibyte = 1_048_576
const {
  lmdbReserveBytesMin: reserveBytes,
  lmdbReserveBytesMax: reserveBytesMax,
  lmdbRoomyDiskBytesMin: roomyBytes,
} = limits
const reservePages = reserveBytes / pageBytes
const freeing = { mayUseReserve: true }
const growing = { mayUseReserve: false }
const little = { journaled: 1, direct: 0 }

describe('RoomAhead', () => {
  it('extends the file by what one transaction needs while the disk has much room', async () => {
    const { room, file } = make({ freeBytes: 2 * roomyBytes })
    expect(await room.secure(100, growing)).toBe(true)
    expect(statSync(file).size).toBe((usedPages + 100) * pageBytes)
    expect(await room.secure(60, growing)).toBe(true)
    expect(statSync(file).size).toBe((usedPages + 100) * pageBytes)
  })

  it('also extends it by the reserve while the disk has little room', async () => {
    const { room, file } = make({ freeBytes: 100 * mebibyte })
    expect(await room.secure(100, growing)).toBe(true)
    expect(statSync(file).size).toBe((usedPages + 100 + reservePages) * pageBytes)
  })

  it('really takes the room from the disk, and leaves the rest of the file alone', async () => {
    const { room, file } = make({ freeBytes: 100 * mebibyte })
    const before = readFileSync(file)
    await room.secure(100, growing)
    const { size, blocks } = statSync(file)
    expect(blocks * 512).toBeGreaterThanOrEqual(size)
    expect(readFileSync(file).subarray(0, before.length)).toEqual(before)
  })

  it('does not count parts of a file that have no room on the disk', async () => {
    const { file, parts } = make({ freeBytes: 0 })
    truncateSync(file, (usedPages + 4_000) * pageBytes)
    const room = new RoomAhead(file, parts)
    expect(await room.secure(100, freeing)).toBe(false)
  })

  it('keeps the reserve from writes that grow the data, and gives it to those that free', async () => {
    const { room, disk } = make({ freeBytes: 100 * mebibyte })
    await room.secure(1, growing)
    disk.freeBytes = 0
    expect(await room.secure(1, growing)).toBe(true)
    expect(await room.secure(2, growing)).toBe(false)
    expect(await room.secure(reservePages, freeing)).toBe(true)
    expect(await room.secure(reservePages + 2, freeing)).toBe(false)
  })

  it('leaves the last MiB of the disk to other files, except for writes that free', async () => {
    const { room, disk, file } = make({ freeBytes: 2 * mebibyte })
    const before = statSync(file).size
    expect(await room.secure(1, growing)).toBe(false)
    expect(statSync(file).size).toBe(before + mebibyte)
    expect(disk.freeBytes).toBe(mebibyte)
    expect(await room.secure(200, freeing)).toBe(true)
    expect(disk.freeBytes).toBeLessThan(mebibyte)
  })

  it('takes a quota for what it is, although the disk reports room', async () => {
    const { room, file, disk } = make({ freeBytes: 2 * roomyBytes, quotaBytes: mebibyte })
    expect(await room.secure(1_000, growing)).toBe(false)
    expect(await room.secure(1_000, freeing)).toBe(false)
    expect(await room.secure(100, freeing)).toBe(true)
    expect(statSync(file).size).toBeLessThanOrEqual(usedPages * pageBytes + mebibyte)
    disk.quotaBytes = Number.POSITIVE_INFINITY
    expect(await room.secure(1_000, growing)).toBe(true)
  })

  it('counts half of the free pages of LMDB, but only beside half of the reserve', async () => {
    const { room, disk, tree } = make({ freeBytes: 100 * mebibyte })
    await room.secure(1, growing)
    disk.freeBytes = 0
    tree.freePages = 400
    room.settle()
    expect(await room.secure(200, growing)).toBe(true)
    expect(await room.secure(201, growing)).toBe(false)
    tree.lastPage += reservePages / 2
    room.settle()
    expect(await room.secure(200, growing)).toBe(false)
    expect(await room.secure(200, freeing)).toBe(true)
  })

  it('keeps more for larger data: an eighth of it, up to 64 MiB', async () => {
    const { room, disk, tree } = make({ freeBytes: 100 * mebibyte })
    tree.lastPage = (20 * reserveBytesMax) / pageBytes
    room.settle()
    await room.findRoomFor(little)
    disk.freeBytes = 0
    expect(await room.secure(reserveBytesMax / pageBytes, freeing)).toBe(true)
    expect(room.hasRoomFor({ journaled: mebibyte, direct: 0 })).toBe(false)
  })

  it('refuses growth that the journal could not be moved with any more', async () => {
    const { room, disk } = make({ freeBytes: 20 * mebibyte })
    expect(await room.findRoomFor({ journaled: 2 * mebibyte, direct: 0 })).toBe(true)
    disk.freeBytes = 0
    expect(room.hasRoomFor({ journaled: 2 * mebibyte, direct: 0 })).toBe(true)
    expect(room.hasRoomFor({ journaled: 2 * mebibyte + 1, direct: 0 })).toBe(false)
    expect(room.hasRoomFor({ journaled: 0, direct: 4 * mebibyte })).toBe(true)
    expect(room.hasRoomFor({ journaled: 0, direct: 4 * mebibyte + 1 })).toBe(false)
  })

  it('accepts growth again once the disk has room', async () => {
    const { room, disk } = make({ freeBytes: 0 })
    expect(await room.findRoomFor(little)).toBe(false)
    disk.freeBytes = 100 * mebibyte
    expect(await room.findRoomFor(little)).toBe(true)
  })

  it('keeps the reserve in the free space of a disk that copies on each write', async () => {
    const { room, disk, file } = make({ freeBytes: reserveBytes + pageBytes, writesInPlace: false })
    const before = statSync(file).size
    expect(await room.secure(1, growing)).toBe(true)
    expect(await room.secure(2, growing)).toBe(false)
    expect(await room.secure(reservePages, freeing)).toBe(true)
    expect(room.hasRoomFor(little)).toBe(true)
    disk.freeBytes = reserveBytes - 1
    expect(await room.findRoomFor(little)).toBe(false)
    expect(statSync(file).size).toBe(before)
  })

  it('reports every other failure of the disk', async () => {
    const writeZeros = async (): Promise<number> => {
      throw Object.assign(new Error('i/o error'), { code: 'EIO' })
    }
    const { room } = make({ freeBytes: 100 * mebibyte, writeZeros })
    await expect(room.secure(1, growing)).rejects.toThrow('i/o error')
  })

  it('does not count room whose sync failed', async () => {
    const sync = async (): Promise<void> => {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    }
    const { room } = make({ freeBytes: 100 * mebibyte, sync })
    expect(await room.secure(1, freeing)).toBe(false)
  })

  it('fills the reserve at the end of its use, if LMDB took some', async () => {
    const { room, file } = make({ freeBytes: 2 * roomyBytes })
    room.settle()
    await room.close()
    expect(statSync(file).size).toBe(usedPages * pageBytes + reserveBytes)
  })

  it('does not touch the file if nothing was written', async () => {
    const { room, file } = make({ freeBytes: 2 * roomyBytes })
    await room.close()
    expect(statSync(file).size).toBe(usedPages * pageBytes)
  })
})

const usedPages = 3

type Changeable<T> = { -readonly [K in keyof T]: T[K] }

/** A real file on a disk that has as much room as it is told, and loses what is written. */
function make({
  freeBytes,
  writesInPlace = true,
  quotaBytes = Number.POSITIVE_INFINITY,
  ...others
}: { freeBytes: number; writesInPlace?: boolean; quotaBytes?: number } & Partial<RoomAheadParts>): {
  room: RoomAhead
  file: string
  parts: RoomAheadParts
  disk: { freeBytes: number; writesInPlace: boolean; quotaBytes: number }
  tree: Changeable<Tree>
} {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-room-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'data.mdb')
  writeFileSync(file, Buffer.alloc(usedPages * pageBytes, 'x'))
  const disk = { freeBytes, writesInPlace, quotaBytes }
  const counts = { freePages: 0, depth: 1, branchPages: 0, leafPages: 1 }
  const tree = { ...counts, lastPage: usedPages - 1, valuePages: 0, listPages: 0 }
  const writeZeros = async (to: number, length: number, place: number): Promise<number> => {
    const count = Math.min(length, disk.freeBytes, disk.quotaBytes)
    if (count === 0) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    disk.freeBytes -= count
    disk.quotaBytes -= count
    return writeSync(to, Buffer.alloc(count), 0, count, place)
  }
  const parts = {
    tree: () => ({ ...tree }),
    foundNoRoom,
    diskOf: () => disk,
    writeZeros,
    ...others,
  }
  return { room: new RoomAhead(file, parts), file, parts, disk, tree }
}
