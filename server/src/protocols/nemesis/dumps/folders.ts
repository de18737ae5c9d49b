import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { codeOf } from './dumps.ts'

const mode = 0o700

/**
 * Creates a folder, and those above it, unless they exist. Node's own `recursive` never ends where
 * no folder can be made although the one above exists, as in `/proc`. Throws errors of the file
 * system.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode })
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return assertFolder(path, error)
    const parent = dirname(resolve(path))
    if (!(await exists(parent))) await makeFolder(parent)
    // Another save may have made the folder above meanwhile, and this one too.
    await mkdir(path, { mode }).catch((second) => assertFolder(path, second))
  }
}

/** Throws `error` unless there is a folder. */
async function assertFolder(path: string, error: unknown): Promise<void> {
  if (!(await isFolder(path))) throw error
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await exists(path)) && (await stat(path)).isDirectory()
}
