import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { promisify } from 'node:util'

/** What a disk does to one file of the folder. Counted from 1. */
export interface FileFaults {
  /** The number of the write to `file` that reports an error after its bytes are in the file. */
  readonly failedWrite?: number
  /** Reads of `file` end in front of this place, and fail at it, as at a bad sector. */
  readonly unreadableAt?: number
  readonly file: string
}

type Position = number | bigint | null | undefined

const badBytes = 512

/**
 * Puts faults between this process and its files. Import the engine only after this: its modules
 * take the functions of `node:fs` when they are loaded. `onFault` is called with each fault.
 */
export function injectFaults(faults: FileFaults, onFault: () => void): void {
  if (faults.failedWrite !== undefined) failWrite(faults, onFault)
  if (faults.unreadableAt !== undefined) failReads(faults.unreadableAt, faults, onFault)
  syncBuiltinESMExports()
}

function failWrite({ file, failedWrite }: FileFaults, onFault: () => void): void {
  const writeAt = promisify(fs.write)
  let writes = 0
  const write = async (
    descriptor: number,
    bytes: Buffer,
    ...[offset, length, place]: readonly [number, number, number]
  ): Promise<unknown> => {
    const written = await writeAt(descriptor, bytes, offset, length, place)
    if (!isFile(descriptor, file)) return written
    writes += 1
    if (writes !== failedWrite) return written
    onFault()
    throw ioError('write')
  }
  Object.defineProperty(fs.write, promisify.custom, { value: write })
}

function failReads(badAt: number, { file }: FileFaults, onFault: () => void): void {
  const readSync = fs.readSync as (...args: unknown[]) => number
  const read = (...args: unknown[]): number => {
    const [descriptor, , offset, length, position] = args as [
      number,
      Buffer,
      number,
      number,
      Position,
    ]
    if (!isFile(descriptor, file) || typeof length !== 'number') return readSync(...args)
    const start = Number(position ?? 0)
    if (start + length <= badAt || start >= badAt + badBytes) return readSync(...args)
    onFault()
    if (start >= badAt) throw ioError('read')
    return readSync(descriptor, args[1], offset, badAt - start, position)
  }
  Object.assign(fs, { readSync: read })
}

function isFile(descriptor: number, file: string): boolean {
  return fs.readlinkSync(`/proc/self/fd/${descriptor}`).endsWith(`/${file}`)
}

function ioError(call: string): Error {
  return Object.assign(new Error(`EIO: i/o error, ${call}`), { code: 'EIO', errno: -5 })
}
