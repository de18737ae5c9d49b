import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { type Disk, diskOf } from './disk.ts'

/** The number of btrfs, see statfs(2). */
const btrfs = 0x9123683e
const patienceMs = 2_000

/**
 * Lets btrfs write the files that are made in this folder from now on in place, as other file
 * systems do: else each write needs new room, and the file system says that there is some when
 * there is none. Programs of e2fsprogs do it, since Node has no call for it. Without them, all
 * stays as it is.
 */
export function preferInPlace(folder: string): void {
  if (isBtrfs(folder)) run('chattr', ['+C', folder])
}

/** How to ask for the disk of a file: by what its file system does with this very file. */
export function diskOfFile(file: string): (folder: string) => Disk {
  const isInPlace = isBtrfs(file) && /^\S*C\S* /.test(run('lsattr', [file]))
  return isInPlace ? (folder) => ({ ...diskOf(folder), writesInPlace: true }) : diskOf
}

function isBtrfs(path: string): boolean {
  return process.platform === 'linux' && statfsSync(path).type === btrfs
}

/** What the program says; '' if it is missing or fails: then the file is as any other. */
function run(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe', timeout: patienceMs })
  } catch {
    return ''
  }
}
