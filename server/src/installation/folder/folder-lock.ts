import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { FolderInUseError, unusable } from './folder-errors.ts'

export const lockFile = 'lock'
const sqliteBusy = 5

/** The lock of whoever writes: nobody else has the folder open. */
const ownLock = {
  readOnly: false,
  statements: 'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE',
} as const

/** The lock of readers: nobody writes. It can be had on a read-only disk. */
export const sharedLock = {
  readOnly: true,
  statements: 'BEGIN; SELECT * FROM sqlite_schema',
} as const

export type FolderLock = typeof sharedLock | typeof ownLock

/**
 * Locks the folder for this process, with SQLite's own lock. The operating system holds that lock
 * and releases it however the process dies. A file with a process id can't promise that.
 */
export async function lock(
  path: string,
  { readOnly, statements }: FolderLock = ownLock,
): Promise<DatabaseSync> {
  const { DatabaseSync } = await importSqlite()
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(path, lockFile), { timeout: 0, readOnly })
    database.exec(statements)
    return database
  } catch (error) {
    database?.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) {
      throw new FolderInUseError(
        `The data folder ${path} is in use by another Coatcheck; stop that one first.`,
      )
    }
    throw unusable(path, error, { isRead: readOnly })
  }
}

/** Of this process: two imports at the same time would silence all later warnings. */
let sqlite: Promise<typeof import('node:sqlite')> | undefined

/** Imports SQLite without the warning of Node 22 and 24 that it is new: only its lock is used. */
function importSqlite(): Promise<typeof import('node:sqlite')> {
  if (sqlite) return sqlite
  const { emitWarning } = process
  process.emitWarning = () => undefined
  sqlite = import('node:sqlite').finally(() => {
    process.emitWarning = emitWarning
  })
  return sqlite
}
