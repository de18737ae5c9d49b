import { markGarbage } from '../disk/garbage.ts'
import { chunkKey, encodeNumber, innerIdBytes, leaseKey } from '../disk/keyspace.ts'
import type { AtomicWrite, Revision, StorageEngine } from '../engine/engine.ts'
import type { ByteSource } from '../kernel/byte-source.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'

/**
 * A value on its way in: each chunk its own commit under a fresh id that nothing points at yet. A
 * lease, renewed with each chunk, keeps the sweeper away; the record's last commit ends it.
 */
export class Upload {
  readonly valueId: Buffer
  readonly #engine: StorageEngine
  readonly #environment: Environment
  #size = 0
  #lease: Revision | undefined

  constructor(engine: StorageEngine, environment: Environment) {
    this.#engine = engine
    this.#environment = environment
    this.valueId = Buffer.from(environment.randomBytes(innerIdBytes))
  }

  get size(): number {
    return this.#size
  }

  /** Stores `first`, a whole chunk, and all that comes behind it. Nothing stays if it throws. */
  async receive(first: Bytes, source: ByteSource): Promise<void> {
    try {
      let chunk = first
      for (let index = 0; chunk.length > 0; index += 1) {
        await this.#store(chunk, index)
        chunk = await source.take(limits.chunkBytes)
      }
    } catch (error) {
      await this.giveUp()
      throw error
    }
  }

  /**
   * The commit that makes the value visible also ends the lease, and holds only while that lasts.
   */
  closing(write: AtomicWrite): AtomicWrite {
    const key = leaseKey(this.valueId)
    return {
      ...write,
      checks: [...(write.checks ?? []), { key, revision: this.#lease }],
      deletes: [...(write.deletes ?? []), key],
    }
  }

  /** Whether the sweeper still spares the chunks. */
  async isAlive(): Promise<boolean> {
    const [lease] = await this.#engine.get([leaseKey(this.valueId)])
    return lease?.revision === this.#lease
  }

  /** Leaves the chunks to the sweeper, now rather than when the lease runs out. */
  async giveUp(): Promise<void> {
    if (this.#lease === undefined) return
    const { puts } = markGarbage(this.valueId, {
      kind: 'value',
      bytes: 0,
      dueAt: this.#environment.now(),
    })
    // Where this fails too, the lease runs out by itself and the sweeper does the same.
    await this.#engine.commit(this.closing({ puts })).catch(keepStorageError)
  }

  async #store(chunk: Bytes, index: number): Promise<void> {
    const lease = leaseKey(this.valueId)
    const dueAt = encodeNumber(this.#environment.now() + limits.uploadLeaseMs)
    const write: AtomicWrite = {
      checks: [{ key: lease, revision: this.#lease }],
      puts: [
        { key: chunkKey(this.valueId, index), value: chunk },
        { key: lease, value: dueAt },
      ],
    }
    const revision = await this.#commit(write)
    if (revision === undefined) {
      throw new StorageError('upload-expired', 'The upload stood still for too long.')
    }
    this.#lease = revision
    this.#size += chunk.length
  }

  /** A chunk is invisible, so a commit that went astray is as good as one that never was. */
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
