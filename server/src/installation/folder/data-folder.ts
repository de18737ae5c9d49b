import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../../core/kernel/errors.ts'
import { codeOf, DataFolderError, FolderInUseError, unusable } from './folder-errors.ts'
import { type FolderLock, lock, lockFile, sharedLock } from './folder-lock.ts'
import { closeFile, whyInsecure } from './folder-modes.ts'

const lmdbFolder = 'lmdb'
const lmdbFile = 'data.mdb'
const tokenFile = 'first-token'
const serverFile = 'local-server'
/** The files of LMDB's folder. */
const lmdbFiles = [lmdbFile, 'lock.mdb', 'journal']
const lookAgainMs = 50

export interface FolderOptions {
  /** How long to wait while another process has the folder open. Default: 0. */
  readonly patienceMs?: number
  /**
   * Whether a folder is accepted that other users of the machine may write to. Undefined: it is
   * not, and the user can't set it.
   */
  readonly isInsecureTaken?: boolean | undefined
}

/** How programs on this machine that may read the folder reach the server that has it open. */
export interface LocalServer {
  readonly url: string
  /** Whoever knows the secret may do everything. */
  readonly secret: string
}

/** The data folder of one server or command, which has it locked until `close`. */
export class DataFolder {
  readonly path: string
  /** Undefined: no server has ever locked this folder, which is open to be read. */
  readonly #lock: DatabaseSync | undefined
  readonly #isReadOnly: boolean
  /** What this process has made: files and folders in the folder, and then the folders above. */
  readonly #made: string[] = []
  readonly #madeFolders: readonly string[]

  private constructor(
    path: string,
    lock: DatabaseSync | undefined,
    {
      madeFolders = [],
      isReadOnly = false,
    }: { madeFolders?: readonly string[]; isReadOnly?: boolean },
  ) {
    this.path = path
    this.#lock = lock
    this.#isReadOnly = isReadOnly
    this.#madeFolders = madeFolders
  }

  /**
   * Opens the folder; creates it if needed. Takes the rights of other users from its files. Throws
   * DataFolderError, FolderInUseError.
   */
  static async open(
    path: string,
    { patienceMs = 0, isInsecureTaken }: FolderOptions = {},
  ): Promise<DataFolder> {
    const made = foldersMade(path)
    if (!isInsecureTaken) assertSecure(path, { isOptional: isInsecureTaken === false })
    const isNew = !DataFolder.isOne(path)
    const folder = new DataFolder(path, await lockOrLeave(patienceMs, path, made), {
      madeFolders: made,
    })
    if (isNew) folder.#made.push(lockFile)
    try {
      // A killed server leaves this file behind.
      folder.removeLocalServer()
      folder.#closeFiles()
      return folder
    } catch (error) {
      folder.close()
      throw error
    }
  }

  /**
   * Opens a folder only to read it, and writes nothing: it may be on a read-only disk. No server
   * may have it open, but other readers may. Throws DataFolderError, FolderInUseError.
   */
  static async openToRead(
    path: string,
    { patienceMs = 0, isInsecureTaken }: FolderOptions = {},
  ): Promise<DataFolder> {
    if (!isInsecureTaken) assertSecure(path, { isOptional: isInsecureTaken === false })
    const isOne = DataFolder.isOne(path)
    const shared = isOne ? await lockWithin(patienceMs, path, sharedLock) : undefined
    return new DataFolder(path, shared, { isReadOnly: true })
  }

  /** Whether a folder holds a file. Creates and locks nothing. Throws DataFolderError. */
  static holds(path: string, file: string): boolean {
    try {
      statSync(join(path, file))
      return true
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false
      throw unusable(path, error, { isRead: true })
    }
  }

  /** Whether a server has used a folder as its data folder. Throws DataFolderError. */
  static isOne(path: string): boolean {
    return DataFolder.holds(path, lockFile)
  }

  /**
   * Whether another process has the folder open, not only to read it. Creates nothing. Throws
   * DataFolderError.
   */
  static async isInUse(path: string): Promise<boolean> {
    try {
      const folder = await DataFolder.openToRead(path, { isInsecureTaken: true })
      folder.close()
      return false
    } catch (error) {
      if (error instanceof FolderInUseError) return true
      throw error
    }
  }

  /** Whether LMDB has data in the folder. Throws DataFolderError. */
  static holdsLmdb(path: string): boolean {
    return DataFolder.holds(path, join(lmdbFolder, lmdbFile))
  }

  /** SQLite and older versions made files that other users may read. */
  #closeFiles(): void {
    const names = [lockFile, tokenFile, ...lmdbFiles.map((name) => join(lmdbFolder, name))]
    attempt(this.path, () => {
      for (const name of names) closeFile(join(this.path, name))
    })
  }

  /** The path of LMDB's folder, which is created if needed. Throws DataFolderError. */
  openLmdbFolder(): string {
    return this.openFolder(lmdbFolder)
  }

  /**
   * The path of a folder in the data folder, created if needed, but not if this is only open to be
   * read. Throws DataFolderError.
   */
  openFolder(name: string): string {
    const path = join(this.path, name)
    if (this.#isReadOnly) return path
    if (foldersMade(path).length > 0) this.#made.push(name)
    return path
  }

  /**
   * Writes the token of the first start to a file that only the folder's owner can read. Returns
   * the path of the file. Throws DataFolderError.
   */
  writeFirstToken(token: string): string {
    const file = join(this.path, tokenFile)
    attempt(this.path, () => {
      rmSync(file, { force: true })
      writeFileSync(file, `${token}\n`, { mode: 0o600, flag: 'wx', flush: true })
    })
    this.#made.push(tokenFile)
    return file
  }

  /** Throws DataFolderError. */
  removeFirstToken(): void {
    attempt(this.path, () => rmSync(join(this.path, tokenFile), { force: true }))
  }

  /** The token of the first start; undefined if its file is gone. Throws DataFolderError. */
  readFirstToken(): string | undefined {
    try {
      return readFileSync(join(this.path, tokenFile), 'utf8').trim()
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw unusable(this.path, error, { isRead: true })
    }
  }

  /**
   * Writes where the server is, in a file that only the folder's owner can read. Throws
   * DataFolderError.
   */
  writeLocalServer(server: LocalServer): void {
    const file = join(this.path, serverFile)
    const draft = `${file}.new`
    attempt(this.path, () => {
      rmSync(draft, { force: true })
      writeFileSync(draft, `${JSON.stringify(server)}\n`, { mode: 0o600, flag: 'wx' })
      // A rename: no reader ever sees half of the file.
      renameSync(draft, file)
    })
  }

  /** Throws DataFolderError. */
  removeLocalServer(): void {
    attempt(this.path, () => rmSync(join(this.path, serverFile), { force: true }))
  }

  /**
   * Removes what this process has made here, because a first start has failed: the folder is again
   * as it was. Throws DataFolderError.
   */
  removeMade(): void {
    attempt(this.path, () => {
      for (const name of this.#made) rmSync(join(this.path, name), { recursive: true, force: true })
      removeEmpty(this.#madeFolders)
    })
  }

  close(): void {
    this.#lock?.close()
  }
}

/** Makes a folder. Returns the folders that were not there before. Throws DataFolderError. */
function foldersMade(path: string): readonly string[] {
  let made: readonly string[] = []
  attempt(path, () => {
    made = makeFolder(path)
  })
  return made
}

/** Removes folders, the innermost first, up to one that holds something. */
function removeEmpty(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder)
    } catch (error) {
      if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'ENOENT') return
      throw error
    }
  }
}

/** A folder that was made in vain is removed again. */
async function lockOrLeave(
  patienceMs: number,
  path: string,
  madeFolders: readonly string[],
): Promise<DatabaseSync> {
  try {
    return await lockWithin(patienceMs, path)
  } catch (error) {
    const isOurs = madeFolders.length > 0 && !(error instanceof FolderInUseError)
    if (isOurs) {
      attempt(path, () => {
        rmSync(join(path, lockFile), { force: true })
        removeEmpty(madeFolders)
      })
    }
    throw error
  }
}

/**
 * Reads what `writeLocalServer` wrote in a folder that another process has open. Undefined if the
 * file is missing or invalid. Throws DataFolderError.
 */
export function readLocalServer(path: string): LocalServer | undefined {
  let text: string
  try {
    text = new TextDecoder().decode(readFileSync(join(path, serverFile)))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    const reason = codeOf(error) === 'EACCES' ? 'this user may not read it' : reasonOf(error)
    throw new DataFolderError(`The file ${join(path, serverFile)} can't be read: ${reason}.`)
  }
  return parseLocalServer(text)
}

function parseLocalServer(text: string): LocalServer | undefined {
  try {
    const { url, secret } = JSON.parse(text)
    const isSound = typeof secret === 'string' && typeof url === 'string' && URL.canParse(url)
    return isSound ? { url, secret } : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

/**
 * Creates a folder, and those above it, unless they exist. Returns those that it created, the
 * innermost first. Node's own `recursive` never ends where no folder can be made although the one
 * above exists, as in `/proc`.
 */
function makeFolder(path: string): string[] {
  try {
    mkdirSync(path, { mode: 0o700 })
    return [resolve(path)]
  } catch (error) {
    const parent = dirname(resolve(path))
    const isMissing = codeOf(error) === 'ENOENT' && !existsSync(parent)
    if (isMissing) {
      const above = makeFolder(parent)
      return [...makeFolder(path), ...above]
    }
    if (!isFolder(path)) throw error
    return []
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Turns an error of the file system into a sentence for the user. Throws DataFolderError. */
function attempt(path: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw unusable(path, error)
  }
}

/** Throws DataFolderError. */
function assertSecure(path: string, { isOptional }: { isOptional: boolean }): void {
  let why: string | undefined
  try {
    why = whyInsecure(path)
  } catch (error) {
    throw unusable(path, error, { isRead: true })
  }
  if (why === undefined) return
  const option = '--insecure-folder (for commands COATCHECK_INSECURE_FOLDER=on)'
  const advice = `Run chmod 700 ${path}${isOptional ? `, or use ${option}` : ''}`
  throw new DataFolderError(`The data folder ${path} is not safe: ${why}. ${advice}.`)
}

async function lockWithin(
  patienceMs: number,
  path: string,
  wanted?: FolderLock,
): Promise<DatabaseSync> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    try {
      return await lock(path, wanted)
    } catch (error) {
      if (!(error instanceof FolderInUseError) || performance.now() >= deadline) throw error
      await sleep(lookAgainMs)
    }
  }
}
