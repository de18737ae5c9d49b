import { type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { limits } from '../../../core/kernel/limits.ts'
import {
  attempt,
  type DumpDescription,
  DumpError,
  type DumpedSession,
  type DumpWriter,
} from './dumps.ts'
import { makeFolder } from './folders.ts'

const statuses = { pending: 0, complete: 1, failed: 2 } as const

interface About extends DumpDescription {
  readonly name: string
  now(): number
}

/** Writes a dump in the layout of NemesisDB 0.4, with one pool. */
export class FileDumpWriter implements DumpWriter {
  readonly #folder: string
  readonly #about: About
  readonly #startedAt: number
  #file: FileHandle | undefined
  #fileCount = 0
  /** The length of the file, with `#text`. */
  #bytes = 0
  #text = ''
  /** The text that closes the object that is being written; '': there is none. */
  #closing = ''
  #isFirstKey = true

  private constructor(folder: string, about: About) {
    this.#folder = folder
    this.#about = about
    this.#startedAt = about.now()
  }

  static async open(folder: string, about: About): Promise<FileDumpWriter> {
    const writer = new FileDumpWriter(folder, about)
    await mkdir(join(folder, 'md'), { mode: 0o700 })
    await makeFolder(join(folder, 'data', '0'))
    await writer.#describe(statuses.pending)
    return writer
  }

  begin(session: DumpedSession | undefined): Promise<void> {
    return attempt(async () => {
      this.#endSession()
      if (this.#bytes > limits.dumpFileBytesMax) await this.#endFile()
      if (!this.#file) await this.#beginFile()
      else this.#append(',')
      this.#append(session ? `{"sh":${describe(session)},"keys":{` : '{"keys":{')
      this.#closing = '}}'
      this.#isFirstKey = true
    })
  }

  add(key: string, value: string): Promise<void> {
    return attempt(async () => {
      this.#append(`${this.#isFirstKey ? '' : ','}${JSON.stringify(key)}:${value}`)
      this.#isFirstKey = false
      if (this.#bytes > limits.dumpReadFileBytesMax - closingBytesMax) throw tooLarge()
      if (this.#text.length > limits.dumpBufferedLengthMax) await this.#flush()
    })
  }

  finish(): Promise<void> {
    return attempt(async () => {
      await this.#endFile()
      await syncFolder(join(this.#folder, 'data', '0'))
      await this.#describe(statuses.complete)
    })
  }

  async abandon(): Promise<void> {
    await this.#file?.close().catch(() => undefined) // the dump is given up anyway
    this.#file = undefined
    await attempt(() => this.#describe(statuses.failed))
  }

  async #beginFile(): Promise<void> {
    this.#file = await open(join(this.#folder, 'data', '0', String(this.#fileCount)), 'wx', 0o600)
    this.#fileCount += 1
    this.#bytes = 0
    this.#append('[')
  }

  #endSession(): void {
    this.#append(this.#closing)
    this.#closing = ''
  }

  async #endFile(): Promise<void> {
    const file = this.#file
    if (!file) return
    this.#endSession()
    this.#append(']')
    await this.#flush()
    await file.sync()
    await file.close()
    this.#file = undefined
  }

  #append(text: string): void {
    this.#text += text
    this.#bytes += Buffer.byteLength(text)
  }

  async #flush(): Promise<void> {
    await this.#file?.writeFile(this.#text)
    this.#text = ''
  }

  /** Replaces `md.json` in one step: a reader finds the old or the new file, never a part. */
  async #describe(status: number): Promise<void> {
    const { name, isWhole, userId, now } = this.#about
    const text = JSON.stringify({
      name,
      status,
      pools: 1,
      start: this.#startedAt,
      saveType: isWhole ? 0 : 1,
      complete: status === statuses.pending ? 0 : now(),
      user: userId, // ours: NemesisDB has no users
    })
    const path = join(this.#folder, 'md', 'md.json')
    const file = await open(`${path}.new`, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
    await syncFolder(join(this.#folder, 'md'))
  }
}

/** What may follow the last value in a file: the ends of the keys, the session and the list. */
const closingBytesMax = 3

/** A session is in one file, and each file must be one that a load can read. */
function tooLarge(): DumpError {
  const rule = `a file of a dump may have up to ${limits.dumpReadFileBytesMax} bytes`
  return new DumpError(`The values of one session are too long to be saved: ${rule}.`)
}

function describe({ token, isShared, duration, deleteSession }: DumpedSession): string {
  const expiry = `{"duration":${duration},"deleteSession":${deleteSession}}`
  return `{"tkn":${token},"shared":${isShared},"expiry":${expiry}}`
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
