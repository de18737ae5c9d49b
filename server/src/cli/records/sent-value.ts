import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { reasonOf } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import { CommandError, UsageError } from '../terminal/command-errors.ts'

/** A value on its way to the server. */
export interface SentValue {
  /** In bytes; undefined: nobody knows yet. */
  readonly length: number | undefined
  /** Whether `parts` may be called, also once more. */
  readonly isRepeatable: boolean
  /** Throws CommandError if the value can't be read to its end. */
  parts(): AsyncIterable<Uint8Array>
  /** Leaves what is unread. */
  close(): Promise<void>
}

const readBytes = 262_144

/** Opens a file, or with `-` standard input. Throws CommandError, UsageError. */
export async function openValue(file: string): Promise<SentValue> {
  if (file === '-' && process.stdin.isTTY) {
    throw new UsageError('- stands for a pipe: name a file, or write: ... | coatcheck ...')
  }
  if (file === '-') return PipedValue.open(process.stdin, 'Standard input')
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'There is no such file' : error.message
    throw new CommandError(`${file} can't be read. ${why}.`)
  })
  const about = await handle.stat()
  if (about.isFile()) return new FileValue(handle, { name: file, length: about.size })
  // A named pipe, or the device of a terminal.
  if (!about.isDirectory()) return PipedValue.open(handle.createReadStream(), file)
  await handle.close()
  throw new CommandError(`${file} is a folder: name a file.`)
}

/** Bytes in memory. */
export function wholeValue(bytes: Uint8Array): SentValue {
  const parts = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes
  }
  return { length: bytes.length, isRepeatable: true, parts, close: async () => undefined }
}

/** A file, of which as many bytes are sent as it has when it is opened. */
class FileValue implements SentValue {
  readonly length: number
  readonly isRepeatable = true
  readonly #handle: FileHandle
  readonly #name: string

  constructor(handle: FileHandle, { name, length }: { name: string; length: number }) {
    this.#handle = handle
    this.#name = name
    this.length = length
  }

  async *parts(): AsyncGenerator<Uint8Array> {
    let position = 0
    while (position < this.length) {
      const bytes = Buffer.allocUnsafe(Math.min(readBytes, this.length - position))
      const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, position)
      if (bytesRead === 0) {
        throw new CommandError(`${this.#name} became shorter meanwhile: nothing was stored.`)
      }
      yield bytes.subarray(0, bytesRead)
      position += bytesRead
    }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/** Bytes that come once. If they are few, they are held, so that they can be sent again. */
class PipedValue implements SentValue {
  readonly length: number | undefined
  readonly #held: readonly Uint8Array[]
  /** What comes after the held bytes; undefined: nothing. */
  readonly #rest: AsyncIterator<Uint8Array> | undefined
  readonly #stream: Readable
  readonly #name: string
  #isRestTaken = false

  private constructor(
    { stream, name }: { stream: Readable; name: string },
    held: readonly Uint8Array[],
    rest?: AsyncIterator<Uint8Array>,
  ) {
    this.#stream = stream
    this.#name = name
    this.#held = held
    this.#rest = rest
    if (!rest) this.length = held.reduce((sum, { length }) => sum + length, 0)
  }

  static async open(stream: Readable, name: string): Promise<PipedValue> {
    const rest: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]()
    const held: Uint8Array[] = []
    for (let length = 0; length <= limits.heldPipeBytesMax; ) {
      const { done, value } = await read(rest, name)
      if (done) return new PipedValue({ stream, name }, held)
      held.push(value)
      length += value.length
    }
    return new PipedValue({ stream, name }, held, rest)
  }

  get isRepeatable(): boolean {
    return !this.#isRestTaken
  }

  async *parts(): AsyncGenerator<Uint8Array> {
    yield* this.#held
    if (!this.#rest) return
    this.#isRestTaken = true
    for (;;) {
      const { done, value } = await read(this.#rest, this.#name)
      if (done) return
      yield value
    }
  }

  /** Not by the iterator: it may wait for a pipe that is silent. */
  async close(): Promise<void> {
    this.#stream.destroy()
  }
}

async function read(
  parts: AsyncIterator<Uint8Array>,
  name: string,
): Promise<IteratorResult<Uint8Array, undefined>> {
  try {
    return await parts.next()
  } catch (error) {
    throw new CommandError(`${name} can't be read: ${reasonOf(error)}.`)
  }
}
