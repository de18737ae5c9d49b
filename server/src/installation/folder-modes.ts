import { chmodSync, statSync } from 'node:fs'

/** Windows has no such modes. */
const hasModes = process.platform !== 'win32'
const groupOrOthersWrite = 0o022
const groupOrOthers = 0o077

/**
 * Why other users of this machine could change what is in a folder; undefined: they can't. Whoever
 * may write to a folder may replace every file in it, whatever the modes of the files are.
 */
export function whyInsecure(folder: string): string | undefined {
  const { mode } = statSync(folder)
  if (!hasModes || (mode & groupOrOthersWrite) === 0) return undefined
  const text = (mode & 0o777).toString(8).padStart(4, '0')
  return `other users of this machine may write there (mode ${text})`
}

/** Takes the rights of other users from a file, which need not exist. */
export function closeFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!hasModes || !stats?.isFile() || (stats.mode & groupOrOthers) === 0) return
  chmodSync(path, stats.mode & 0o700)
}
