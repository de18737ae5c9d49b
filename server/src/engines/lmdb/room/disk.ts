import { statfsSync } from 'node:fs'

/** The disk of a folder. */
export interface Disk {
  readonly freeBytes: number
  /**
   * Whether a write to bytes that a file has already needs no room. File systems that copy on each
   * write need room for it.
   */
  readonly writesInPlace: boolean
}

/** Numbers of file systems that copy on each write: btrfs, bcachefs, ZFS. See statfs(2). */
const copyingTypes: readonly number[] = [0x9123683e, 0xca451a4e, 0x2fc12fc1]

/** A disk that can't be asked counts as full, so that nothing more is written to it. */
export function diskOf(folder: string): Disk {
  try {
    const { bavail, bsize, type } = statfsSync(folder)
    // On macOS the file system is APFS, which copies too; its number is not the same everywhere.
    const writesInPlace = process.platform !== 'darwin' && !copyingTypes.includes(type)
    return { freeBytes: bavail * bsize, writesInPlace }
  } catch {
    return { freeBytes: 0, writesInPlace: true }
  }
}
