import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

/** The folder can't be used; the message is a sentence for the terminal. */
export class DataFolderError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DataFolderError'
  }
}

const lockFile = 'lock'
const tokenFile = 'first-token'
const sqliteBusy = 5

/** The folder that holds the data of one server, for as long as that server has it open. */
export class DataFolder {
  readonly path: string
  readonly #lock: DatabaseSync

  private constructor(path: string, lock: DatabaseSync) {
    this.path = path
    this.#lock = lock
  }

  /** Makes the folder if there is none. Throws DataFolderError. */
  static async open(path: string): Promise<DataFolder> {
    attempt(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }))
    return new DataFolder(path, await lock(path))
  }

  /** The path of a folder in it, which is made if there is none. Throws DataFolderError. */
  openFolder(name: string): string {
    const path = join(this.path, name)
    attempt(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }))
    return path
  }

  /**
   * Keeps the token of the first start where only the folder's owner can read it; returns the file.
   * Throws DataFolderError.
   */
  writeFirstToken(token: string): string {
    const file = join(this.path, tokenFile)
    attempt(this.path, () => {
      rmSync(file, { force: true })
      writeFileSync(file, `${token}\n`, { mode: 0o600, flag: 'wx', flush: true })
    })
    return file
  }

  /** The token of the first start, if its file is still there. */
  readFirstToken(): string | undefined {
    try {
      return readFileSync(join(this.path, tokenFile), 'utf8').trim()
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw unusable(this.path, error)
    }
  }

  close(): void {
    this.#lock.close()
  }
}

/** What the system refuses is the user's to know. */
function attempt(path: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw unusable(path, error)
  }
}

/**
 * Takes the folder for this process alone. SQLite's own lock does it: the operating system holds
 * it, so it ends with the process however that dies, which a file with a process id can't promise.
 */
async function lock(path: string): Promise<DatabaseSync> {
  const { DatabaseSync } = await importSqlite()
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(path, lockFile), { timeout: 0 })
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) {
      const sentence = `The data folder ${path} is in use by another Coatcheck; stop that one first.`
      throw new DataFolderError(sentence)
    }
    throw unusable(path, error)
  }
}

/** Node 22 and 24 warn that SQLite is new; a lock is all that is used of it. */
async function importSqlite(): Promise<typeof import('node:sqlite')> {
  const { emitWarning } = process
  process.emitWarning = () => undefined
  try {
    return await import('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}

function unusable(path: string, error: unknown): DataFolderError {
  const reason = reasons[codeOf(error)] ?? (error instanceof Error ? error.message : String(error))
  return new DataFolderError(`The data folder ${path} can't be used: ${reason}.`)
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'it is on a read-only disk',
  // What Node makes of a folder that can't be made because the disk is read-only.
  ENOENT: 'no folder can be made there',
  ENOTDIR: 'part of that path is a file',
  EEXIST: 'that path is a file',
  ENOSPC: 'the disk is full',
  ERR_SQLITE_ERROR: 'this user may not write there',
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
