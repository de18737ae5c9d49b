import { randomUUID } from 'node:crypto'
import { closeSync, openSync, rmSync } from 'node:fs'
import { type FileHandle, open, readlink, realpath, rename, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { reasonOf } from '../../core/kernel/errors.ts'
import { CommandError } from '../terminal/command-errors.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * A file that gets its name only once it is complete and on the disk: until then its bytes are in
 * another one beside it. A symbolic link stays, and its target is replaced. A device or a pipe is
 * written to directly.
 */
export class ReceivedFile {
  readonly #name: string
  readonly #opened: Promise<FileHandle>
  readonly #target: string
  /** Undefined: the target is written to directly. */
  readonly #part: string | undefined

  private constructor(
    name: string,
    begin: () => Promise<FileHandle>,
    { target, part }: { target: string; part: string | undefined },
  ) {
    this.#name = name
    this.#target = target
    this.#part = part
    // First, or a signal in between would leave the new file behind.
    if (part !== undefined) for (const signal of signals) process.once(signal, this.#onSignal)
    this.#opened = begin()
  }

  /** Throws CommandError. */
  static async create(name: string): Promise<ReceivedFile> {
    try {
      const target = await targetOf(name)
      const about = await stat(target).catch(() => undefined)
      if (about && !about.isFile()) {
        const file = new ReceivedFile(name, () => open(target, 'w'), { target, part: undefined })
        await file.#opened
        return file
      }
      const part = `${target}.${randomUUID().slice(0, 8)}.part`
      const file = new ReceivedFile(name, () => openNew(part), { target, part })
      const handle = await file.#opened.catch((error) => {
        file.#forgetSignals()
        throw error
      })
      if (about) await handle.chmod(about.mode & 0o777)
      return file
    } catch (error) {
      throw notWritten(name, error)
    }
  }

  /** Throws CommandError. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await (await this.#opened).writeFile(bytes)
    } catch (error) {
      throw new CommandError(sentenceOf(error))
    }
  }

  /** Gives the file its name, which then also survives a loss of power. Throws CommandError. */
  async finish(): Promise<void> {
    try {
      const handle = await this.#opened
      if (this.#part !== undefined) await handle.sync()
      await handle.close()
      if (this.#part === undefined) return
      await rename(this.#part, this.#target)
      await syncFolder(dirname(this.#target))
    } catch (error) {
      this.#remove()
      throw notWritten(this.#name, error)
    } finally {
      this.#forgetSignals()
    }
  }

  /** Removes what came. */
  async abandon(): Promise<void> {
    await (await this.#opened).close()
    this.#remove()
    this.#forgetSignals()
  }

  #remove(): void {
    if (this.#part !== undefined) rmSync(this.#part, { force: true })
  }

  #forgetSignals(): void {
    for (const signal of signals) process.off(signal, this.#onSignal)
  }

  /** Ends the process as the signal would have done. */
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#remove()
    this.#forgetSignals()
    process.kill(process.pid, signal)
  }
}

/** Makes it without a wait: no signal comes before it is there. */
async function openNew(path: string): Promise<FileHandle> {
  closeSync(openSync(path, 'wx'))
  return open(path, 'r+')
}

/** The file that a name means, through symbolic links, whether it exists or not. */
async function targetOf(name: string): Promise<string> {
  try {
    return await realpath(name)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  const link = await readlink(name).catch(() => undefined)
  return link === undefined ? name : targetOf(resolve(dirname(name), link))
}

async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders.
  if (process.platform === 'win32') return
  const folder = await open(path)
  await folder.sync().finally(() => folder.close())
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function notWritten(name: string, error: unknown): CommandError {
  return new CommandError(`${name} was not written. ${sentenceOf(error)}`)
}

function sentenceOf(error: unknown): string {
  return `${reasonOf(error)}.`
}
