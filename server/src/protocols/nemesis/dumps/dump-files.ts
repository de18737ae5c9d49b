import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../../../core/kernel/environment.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { readDumpText } from './dump-text.ts'
import { FileDumpWriter } from './dump-writer.ts'
import {
  attempt,
  codeOf,
  type DumpDescription,
  DumpError,
  type DumpReader,
  type Dumps,
  type DumpWriter,
  messageOf,
  type Readable,
} from './dumps.ts'
import { makeFolder } from './folders.ts'

const complete = 1

/**
 * NemesisDB's own layout of files: `<folder>/<name>/<nanoseconds since 1970>/` with `md/md.json`
 * and the data below `data/`, in folders of pools (0.3 and 0.4) or without (0.5 and later).
 */
export class DumpFiles implements Dumps {
  readonly #folder: string
  readonly #environment: Environment

  constructor(folder: string, environment: Environment) {
    this.#folder = folder
    this.#environment = environment
  }

  async create(name: string, description: DumpDescription): Promise<DumpWriter> {
    const place = join(this.#folder, checkedName(name))
    return attempt(async () => {
      for (let time = BigInt(this.#environment.now()) * 1_000_000n; ; time += 1n) {
        await makeFolder(place)
        if (!(await isMade(join(place, String(time))))) continue
        const path = join(place, String(time))
        const now = (): number => this.#environment.now()
        return FileDumpWriter.open(path, { ...description, name, now })
      }
    })
  }

  async open(name: string, readable: Readable): Promise<DumpReader | undefined> {
    const place = join(this.#folder, checkedName(name))
    const times = await attempt(() => namesIn(place))
    const newestFirst = times
      .filter((time) => /^\d{1,30}$/.test(time))
      .sort((one, other) => (BigInt(one) < BigInt(other) ? 1 : -1))
    for (const time of newestFirst) {
      const saved = await savedIn(join(place, time))
      if (!saved || !(await readable(saved.userId))) continue
      return new FileDumpReader(join(place, time, 'data'))
    }
    return undefined
  }
}

class FileDumpReader implements DumpReader {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async *read(): ReturnType<DumpReader['read']> {
    for await (const path of filesIn(this.#folder)) {
      const text = await attempt(async () => {
        const { size } = await stat(path)
        if (size > limits.dumpReadFileBytesMax) throw new DumpError('A dump file is too large.')
        return readFile(path, 'utf8')
      })
      yield* readDumpText(text)
    }
  }
}

/** The data files in the order of their numbers. Other files do not belong to the dump. */
async function* filesIn(folder: string): AsyncGenerator<string> {
  const found = await attempt(() => readdir(folder, { withFileTypes: true }))
  const entries = found.filter(({ name }) => /^\d+$/.test(name))
  entries.sort((one, other) => Number(one.name) - Number(other.name))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesIn(path)
    else if (entry.isFile()) yield path
  }
}

/** Throws DumpError unless `name` is the plain name of one folder. */
function checkedName(name: string): string {
  const isPlain = !/[/\\:\p{Cc}]/u.test(name) && !/^\.*$/.test(name) && name.isWellFormed()
  if (isPlain && Buffer.byteLength(name) <= limits.dumpNameBytesMax) return name
  throw new DumpError(
    'Invalid dump name: no slashes, colons, control characters or dots alone, at most 200 bytes.',
  )
}

async function isMade(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
    throw error
  }
}

/**
 * The id of the user who saved a dump, if the dump names one; undefined: the dump is not there or
 * not complete. Throws DumpError.
 */
async function savedIn(folder: string): Promise<{ userId: string | undefined } | undefined> {
  try {
    const text = await readFile(join(folder, 'md', 'md.json'), 'utf8')
    const metadata: unknown = JSON.parse(text.replace(/^\ufeff/, ''))
    if (typeof metadata !== 'object' || metadata === null) return undefined
    if (!('status' in metadata) || metadata.status !== complete) return undefined
    return { userId: 'user' in metadata ? String(metadata.user) : undefined }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw new DumpError(`The dump can't be read: ${messageOf(error)}.`, error)
  }
}
