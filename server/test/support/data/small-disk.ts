import { spawnSync } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { createTestFolder } from './test-folder.ts'

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
