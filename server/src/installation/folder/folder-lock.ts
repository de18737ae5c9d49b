import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

/** The folder can't be used; the message is a sentence for the terminal. */
export class DataFolderError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DataFolderError'
  }
}

/** Another process has the folder open. */
export class FolderInUseError extends DataFolderError {}

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

/**
 * Locks the folder for this process, with SQLite's own lock. The operating system holds that lock
 * and releases it however the process dies. A file with a process id can't promise that.
 */
export async function lock(
  path: string,
  { readOnly, statements }: typeof sharedLock | typeof ownLock = ownLock,
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
      const sentence = `The data folder ${path} is in use by another Coatcheck; stop that one first.`
      throw new FolderInUseError(sentence)
    }
    throw unusable(path, error)
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

export function unusable(path: string, error: unknown): DataFolderError {
  const reason = reasons[codeOf(error)] ?? messageOf(error)
  return new DataFolderError(`The data folder ${path} can't be used: ${reason}.`)
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'it is on a read-only disk',
  // The folder above exists, and yet no folder can be made in it, as in `/proc`.
  ENOENT: 'no folder can be made there',
  ENOTDIR: 'part of that path is a file',
  EEXIST: 'that path is a file',
  ENOSPC: 'the disk is full',
  ERR_SQLITE_ERROR: 'this user may not write there',
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
