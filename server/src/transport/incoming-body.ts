import type { IncomingMessage } from 'node:http'
import type { ByteSource } from '../core/kernel/byte-source.ts'
import type { Bytes } from '../core/kernel/bytes.ts'
import { StorageError } from '../core/kernel/errors.ts'
import { limits } from '../core/kernel/limits.ts'
import type { BodyHold } from './bounds/body-hold.ts'

interface PendingTake {
  readonly count: number
  resolve(bytes: Bytes): void
  reject(error: unknown): void
}

/**
 * A body of `node:http`. It is paused while nobody asks for bytes, so it holds little more than
 * what was asked for.
 */
export class IncomingBody implements ByteSource {
  readonly #message: IncomingMessage
  readonly #onWanted: (() => void) | undefined
  #parts: Buffer[] = []
  #length = 0
  #wanted: PendingTake | undefined
  #isAttached = false
  #hasEnded = false
  #error: unknown
  #hold: BodyHold | undefined

  /** `onWanted` is called once, when somebody asks for the first bytes. */
  constructor(message: IncomingMessage, onWanted?: () => void) {
    this.#message = message
    this.#onWanted = onWanted
  }

  /** Bounds what is held of a long body. Without it, nothing does. */
  holdIn(hold: BodyHold | undefined): void {
    this.#hold = hold
  }

  take(count: number): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      this.#wanted = { count, resolve, reject }
      if (this.#isAttached) this.#message.resume()
      else this.#attach()
      this.#settle()
    })
  }

  #attach(): void {
    this.#isAttached = true
    this.#onWanted?.()
    this.#message.on('data', (part: Buffer) => {
      this.#parts.push(part)
      this.#length += part.length
      if (!this.#hasRoom()) this.#message.pause()
      this.#settle()
    })
    this.#message.on('end', () => {
      this.#hasEnded = true
      this.#settle()
    })
    // The client goes away, with or without an error.
    this.#message.on('close', () => this.#abort())
  }

  /** Whether all bytes that are wanted may be held. If not, the client waits until they may. */
  #hasRoom(): boolean {
    const hold = this.#hold
    if (!this.#wanted || !hold || this.#length <= limits.httpUncountedBodyBytesMax) return true
    if (hold.isWaiting) return false
    const declared = Number(this.#message.headers['content-length'] ?? Number.POSITIVE_INFINITY)
    return hold.reserve(Math.min(this.#wanted.count, declared), {
      granted: () => {
        if (this.#wanted) this.#message.resume()
      },
      refused: (error) => {
        this.#error ??= error
        this.#settle()
      },
    })
  }

  #abort(): void {
    if (this.#hasEnded) return
    this.#error ??= new StorageError('upload-aborted', 'The client disconnected before the end.')
    this.#settle()
  }

  #settle(): void {
    const wanted = this.#wanted
    if (!wanted) {
      this.#message.pause()
      return
    }
    if (this.#length < wanted.count && !this.#hasEnded && !this.#error) return
    this.#wanted = undefined
    if (!this.#hasEnded) this.#message.pause()
    if (this.#error) wanted.reject(this.#error)
    else wanted.resolve(this.#cut(wanted.count))
  }

  #cut(count: number): Bytes {
    const [only] = this.#parts
    const all = this.#parts.length === 1 && only ? only : Buffer.concat(this.#parts, this.#length)
    if (all.length <= count) {
      this.#parts = []
      this.#length = 0
      return all
    }
    const taken = all.subarray(0, count)
    const rest = all.subarray(count)
    this.#parts = [rest]
    this.#length = rest.length
    return taken
  }
}
