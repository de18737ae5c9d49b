import { chmodSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Undefined on Windows, which has no such modes. */
const ownId = process.geteuid?.()
const sticky = 0o1000
const groupOrOthersWrite = 0o022
const groupOrOthers = 0o077

/**
 * Why other users of this machine could change what is in a folder; undefined: they can't. Whoever
 * may write to a folder may replace every file in it, whatever the modes of the files are. With the
 * sticky bit, as in /tmp, they can only add files of their own.
 */
export function whyInsecure(folder: string): string | undefined {
  const { mode } = statSync(folder)
  if (ownId === undefined || (mode & groupOrOthersWrite) === 0) return undefined
  const text = (mode & 0o777).toString(8).padStart(4, '0')
  if ((mode & sticky) === 0) return `other users of this machine may write there (mode ${text})`
  const foreign = readdirSync(folder).find((name) => isForeign(join(folder, name)))
  return foreign === undefined ? undefined : `another user of this machine made ${foreign} there`
}

/** Root may do everything in any case. */
function isForeign(path: string): boolean {
  const { uid } = lstatSync(path)
  return uid !== ownId && uid !== 0
}

/** Takes the rights of other users from a file, which need not exist. */
export function closeFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (ownId === undefined || !stats?.isFile() || (stats.mode & groupOrOthers) === 0) return
  chmodSync(path, stats.mode & 0o700)
}
