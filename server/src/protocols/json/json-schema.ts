import { BytePool } from '../../core/kernel/bounds/byte-pool.ts'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import { lruCache } from '../../core/kernel/lru-cache.ts'
import { type Check, JsonSchemaLane, type Outcome } from './json-schema-lane.ts'

/** Whether a schema is valid, or whether a value satisfies it. */
export type Verdict =
  | { readonly isSound: true }
  /** `reason` ends a sentence for the client that sent the schema or the value. */
  | { readonly isSound: false; readonly reason: string }

/**
 * Checks values against JSON Schemas (draft-07). Schemas come from users. A few lines of one can
 * take years of work or all memory, and running out of memory ends the whole process. So child
 * processes make all checks. A check that takes longer than most is begun again in a second
 * process, and so are later ones of its schema and its owner: so slow schemas hold up only each
 * other. In both, owners take turns.
 */
export class JsonSchemas {
  readonly #quickMsMax: number
  readonly #quick: JsonSchemaLane
  readonly #slow = new JsonSchemaLane({
    checkMsMax: limits.jsonSchemaCheckMsMax,
    graceMs: limits.jsonSchemaGraceMs,
    isWanted: () => true,
  })
  /** Schemas and owners whose last check was slow. */
  readonly #slowOnes = lruCache<string, Readonly<Record<string, never>>>(
    limits.slowJsonSchemasRemembered,
  )
  readonly #waiting = new BytePool({
    bytesMax: limits.jsonSchemaQueueBytesMax,
    ownerBytesMax: limits.jsonSchemaQueueBytesOwnerMax,
  })

  /** How long a check may take before it is begun again in the process for slow checks. */
  constructor({ quickMsMax = limits.jsonSchemaQuickCheckMsMax }: { quickMsMax?: number } = {}) {
    this.#quickMsMax = quickMsMax
    this.#quick = new JsonSchemaLane({
      checkMsMax: quickMsMax,
      graceMs: limits.jsonSchemaGraceMs,
      isWanted: (check) => !this.#isSlow(check),
    })
  }

  /** Whether `schema`, which is JSON, is a JSON Schema. Throws as `check` does. */
  checkSchema(schema: string, { owner }: { owner: string }): Promise<Verdict> {
    return this.#waitFor(schema.length, { owner, schemaId: '', schema, value: undefined })
  }

  /**
   * Whether `value`, JSON in UTF-8, satisfies `schema`. An `id` must always name the same schema.
   * `owner` is the user who stores the value. Throws `store-busy` if too much of the owner, or of
   * all, waits to be checked.
   */
  check(
    value: Bytes,
    { id, schema, owner }: { id: string; schema: string; owner: string },
  ): Promise<Verdict> {
    return this.#waitFor(value.length, { owner, schemaId: id, schema, value })
  }

  async close(): Promise<void> {
    await Promise.all([this.#quick.close(), this.#slow.close()])
  }

  async #waitFor(bytes: number, check: Check): Promise<Verdict> {
    const place = this.#waiting.open(check.owner)
    if (!place.take(Math.max(bytes, limits.jsonSchemaQueueBytesMin))) {
      throw new StorageError('store-busy', 'Too many values are waiting to be checked. Try again.')
    }
    try {
      return verdictOf(await this.#run(check))
    } finally {
      place.set(0)
    }
  }

  async #run(check: Check): Promise<Outcome> {
    const outcome = await this.#quick.run(check)
    if (outcome.kind !== 'late') return outcome
    for (const name of namesOf(check)) this.#slowOnes.set(name, {})
    const slow = await this.#slow.run(check)
    const isQuick = slow.kind !== 'late' && slow.ms < this.#quickMsMax / 2
    if (isQuick) for (const name of namesOf(check)) this.#slowOnes.delete(name)
    return slow
  }

  #isSlow(check: Check): boolean {
    return namesOf(check).some((name) => this.#slowOnes.get(name) !== undefined)
  }
}

/** What is remembered as slow: the user, and the schema unless it is only looked at. */
function namesOf({ owner, schemaId }: Check): readonly string[] {
  return schemaId === '' ? [`owner ${owner}`] : [`owner ${owner}`, `schema ${schemaId}`]
}

function verdictOf(outcome: Outcome): Verdict {
  if (outcome.kind === 'sound') return { isSound: true }
  const reason = outcome.kind === 'late' ? 'checking it takes too long' : outcome.reason
  return { isSound: false, reason }
}
