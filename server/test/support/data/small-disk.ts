import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createDiskFolder, createTestFolder } from './test-folder.ts'

export interface SmallDisk {
  readonly path: string
  /** Makes the disk read-only from now on. */
  makeReadOnly(): void
  grow(bytes: number): void
}

/** A real file system of `bytes` bytes, removed when the test ends. Mounting needs root. */
export function mountSmallDisk(bytes: number): SmallDisk {
  const path = createTestFolder()
  mount(['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  // Lazily: processes that end with the test may still have files open there.
  onTestFinished(() => run('umount', ['--lazy', path]))
  return {
    path,
    makeReadOnly: () => mount(['-o', 'remount,ro', path]),
    grow: (more) => mount(['-o', `remount,size=${more}`, path]),
  }
}

export type FileSystem = 'ext4' | 'xfs' | 'btrfs'

const makers: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ['mkfs.ext4', '-q', '-F', '-m', '0'], // no blocks that only root may use
  xfs: ['mkfs.xfs', '-q'],
  btrfs: ['mkfs.btrfs', '-q'],
}

/** Whether this machine can make and mount such a file system. */
export function canMount(type: FileSystem): boolean {
  const isKnown = readFileSync('/proc/filesystems', 'utf8').split(/\s+/).includes(type)
  const canMake = spawnSync(makers[type][0] ?? '', ['-V']).error === undefined
  return isKnown && canMake && spawnSync('losetup', ['--find']).status === 0
}

/** The same on a file system in a file. Returns its path. */
export function mountImage(type: FileSystem, bytes: number): string {
  const folder = createDiskFolder()
  const image = join(folder, 'image')
  writeFileSync(image, '')
  truncateSync(image, bytes)
  const [command = '', ...args] = makers[type]
  run(command, [...args, image])
  const path = join(folder, 'disk')
  mkdirSync(path)
  mount(['-o', 'loop', image, path])
  onTestFinished(() => run('umount', ['--lazy', path]))
  return path
}

function mount(args: readonly string[]): void {
  if (process.getuid?.() !== 0) {
    throw new Error('This test mounts a small disk of its own, so it must be run as root.')
  }
  run('mount', args)
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status === 0) return
  const how = 'in a container, start it with --cap-add=SYS_ADMIN'
  throw new Error(`This test needs ${command} (${how}): ${stderr.trim()}`)
}
