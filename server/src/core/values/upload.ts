import type { SteadyClock } from '../clock/steady-clock.ts'
import { markGarbage } from '../disk/garbage.ts'
import { chunkKey, encodeNumber, innerIdBytes, leaseKey } from '../disk/keyspace.ts'
import type { AtomicWrite, Revision, StorageEngine } from '../engine/engine.ts'
import type { ByteSource } from '../kernel/byte-source.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { Environment } from '../kernel/environment.ts'
import { isStorageAway, StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'

/**
 * Stores an incoming value. Each chunk is its own commit, under a new id that no record points to
 * yet. A lease, renewed with each chunk, keeps the sweeper from removing the chunks. The commit of
 * the record ends the lease.
 */
export class Upload {
  readonly valueId: Buffer
  readonly #engine: StorageEngine
  readonly #clock: SteadyClock
  #size = 0
  #lease: Revision | undefined

  constructor(
    engine: StorageEngine,
    { environment, clock }: { environment: Environment; clock: SteadyClock },
  ) {
    this.#engine = engine
    this.#clock = clock
    this.valueId = Buffer.from(environment.randomBytes(innerIdBytes))
  }

  get size(): number {
    return this.#size
  }

  /**
   * Stores `first`, a whole chunk, and everything that follows in `source`. If it throws, the
   * stored chunks are left to the sweeper.
   */
  async receive(first: Bytes, source: ByteSource): Promise<void> {
    try {
      let chunk = first
      for (let index = 0; chunk.length > 0; index += 1) {
        await this.#store(chunk, index)
        chunk = await source.take(limits.chunkBytes)
      }
    } catch (error) {
      await this.giveUp(error)
      throw error
    }
  }

  /**
   * Adds the end of the lease to the commit that makes the value visible, which is only applied
   * while the lease is valid.
   */
  closing(write: AtomicWrite): AtomicWrite {
    const key = leaseKey(this.valueId)
    return {
      ...write,
      checks: [...(write.checks ?? []), { key, revision: this.#lease }],
      deletes: [...(write.deletes ?? []), key],
    }
  }

  /** Whether the lease is valid, so that no chunk was removed. */
  async isAlive(): Promise<boolean> {
    const [lease] = await this.#engine.get([leaseKey(this.valueId)])
    return lease?.revision === this.#lease
  }

  /**
   * Leaves the chunks to the sweeper now, instead of when the lease expires. Does nothing if the
   * storage is the reason: the client would wait for it a second time. Nor if the outcome of the
   * last commit is unknown: the record may have the chunks.
   */
  async giveUp(reason: unknown): Promise<void> {
    if (this.#lease === undefined || isStorageAway(reason)) return
    const { puts } = markGarbage(this.valueId, {
      kind: 'value',
      bytes: 0,
      dueAt: this.#clock.now(),
    })
    // If this fails too, the lease expires, and then the sweeper removes the chunks.
    await this.#engine.commit(this.closing({ puts })).catch(keepStorageError)
  }

  async #store(chunk: Bytes, index: number): Promise<void> {
    const lease = leaseKey(this.valueId)
    const dueAt = encodeNumber(this.#clock.now() + limits.uploadLeaseMs)
    const write: AtomicWrite = {
      checks: [{ key: lease, revision: this.#lease }],
      puts: [
        { key: chunkKey(this.valueId, index), value: chunk },
        { key: lease, value: dueAt },
      ],
    }
    const revision = await this.#commit(write)
    if (revision === undefined) {
      throw new StorageError('upload-expired', 'The upload made no progress for too long.')
    }
    this.#lease = revision
    this.#size += chunk.length
  }

  /**
   * Nothing points to the chunk yet, so after an unknown outcome it is safe to say that nothing was
   * stored.
   */
  async #commit(write: AtomicWrite): Promise<Revision | undefined> {
    try {
      const commit = await this.#engine.commit(write)
      return commit.applied ? commit.revision : undefined
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'outcome-unknown') throw error
      throw new StorageError('storage-unavailable', 'The storage failed; nothing was stored.', {
        cause: error,
      })
    }
  }
}

function keepStorageError(error: unknown): void {
  if (!(error instanceof StorageError)) throw error
}
