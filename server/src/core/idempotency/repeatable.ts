import { hash } from 'node:crypto'
import type { SteadyClock } from '../clock/steady-clock.ts'
import { idempotencyKey, idempotencyRange } from '../disk/keyspace.ts'
import type { AtomicWrite, Entry, Revision, StorageEngine } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'

/**
 * A request that its client may send again, because it does not know whether the first one arrived.
 */
export interface RepeatableRequest {
  /** Who sends it. The same name from another caller is another request. */
  readonly scope: string
  /** The client's name for the request: the value of `Idempotency-Key`. */
  readonly name: string
  /**
   * A digest of everything that is asked for. Only used after the value of the request was taken.
   */
  fingerprint(): string
  /** Called if the request was done before, so that nothing is done now. */
  noteRepetition(): void
}

/** What a request did. */
export interface Done<T> {
  /** Must survive JSON. */
  readonly result: T
  /** Undefined: the request found nothing to change. */
  readonly revision: Revision | undefined
}

/** DO NOT CHANGE, it is on disk: JSON. */
interface Remembered {
  readonly fingerprint: string
  readonly isChange: boolean
  readonly result: unknown
}

const hourMs = 3_600_000
const digestBytes = 16

/**
 * Makes the change of a request at most once: what it did is stored by the same commit, under the
 * name that the client gave it, and found by a request with the same name for at least an hour.
 */
export class OnceOnly<T> {
  readonly #engine: StorageEngine
  readonly #clock: SteadyClock
  readonly #request: RepeatableRequest
  readonly #digest: Bytes
  /** Where it may be remembered: in the current hour, and in the one before. */
  #keys: readonly Bytes[] = []
  #isRepetition = false

  constructor(
    { engine, clock }: { engine: StorageEngine; clock: SteadyClock },
    request: RepeatableRequest,
    subject: { storeId: string; recordKey: string },
  ) {
    this.#engine = engine
    this.#clock = clock
    this.#request = request
    const { scope, name } = request
    const { storeId, recordKey } = subject
    const whole = hash('sha256', JSON.stringify([scope, name, storeId, recordKey]), 'buffer')
    this.#digest = whole.subarray(0, digestBytes)
  }

  /** Whether `find` has found it. */
  get isRepetition(): boolean {
    return this.#isRepetition
  }

  /**
   * What the request did when it came first. Throws `idempotency-key-reused` if its name belongs to
   * another request, and `record-damaged`.
   */
  async find(): Promise<Done<T> | undefined> {
    const hour = Math.floor(this.#clock.now() / hourMs)
    this.#keys = [hour, hour - 1].map((one) => idempotencyKey(one * hourMs, this.#digest))
    const entry = (await this.#engine.get(this.#keys)).find((one) => one !== undefined)
    if (!entry) return undefined
    const { fingerprint, isChange, result } = decode(entry)
    if (fingerprint !== this.#request.fingerprint()) throw reused(this.#request.name)
    this.#isRepetition = true
    this.#request.noteRepetition()
    return { result: result as T, revision: isChange ? entry.revision : undefined }
  }

  /** Adds what the request does to its commit, which fails if somebody was faster. */
  note(write: AtomicWrite, result: T, { isChange }: { isChange: boolean }): AtomicWrite {
    const [key] = this.#keys
    if (!key) throw new Error('find() was not called before note().')
    const remembered = { fingerprint: this.#request.fingerprint(), isChange, result }
    const absent = this.#keys.map((one) => ({ key: one, revision: undefined }))
    return {
      ...write,
      checks: [...(write.checks ?? []), ...absent],
      puts: [...(write.puts ?? []), { key, value: encode(remembered) }],
    }
  }
}

/** Removes what need not be found any more: a bounded number of entries. */
export async function forgetOld(engine: StorageEngine, clock: SteadyClock): Promise<void> {
  if (clock.isHeld) return
  const range = idempotencyRange((Math.floor(clock.steady() / hourMs) - 1) * hourMs)
  const bound = { limit: limits.sweepBatchKeysMax, bytes: limits.pageBytesMax }
  for (let removed = 0; removed < limits.sweptMarksMax; ) {
    const { entries, more } = await engine.scan(range, bound)
    if (entries.length > 0) await engine.commit({ deletes: entries.map(({ key }) => key) })
    if (!more) return
    removed += entries.length
  }
}

function encode(remembered: Remembered): Buffer {
  return Buffer.from(JSON.stringify(remembered))
}

function decode(entry: Entry): Remembered {
  if (!entry.isDamaged) return JSON.parse(Buffer.from(entry.value).toString('utf8'))
  throw new StorageError(
    'record-damaged',
    'What is stored about an earlier request with this Idempotency-Key is damaged.',
  )
}

function reused(name: string): StorageError {
  return new StorageError(
    'idempotency-key-reused',
    `The Idempotency-Key ${JSON.stringify(name)} was used for another request. ` +
      'Use a new key for each request, and the same key only to send a request again.',
  )
}
