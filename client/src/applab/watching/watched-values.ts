import type { Change } from './change-stream.ts'

/** A value and the revision that wrote it. */
export interface Version {
  readonly value: unknown
  /** Undefined: it is not known. */
  readonly revision: number | undefined
}

type Tell = (key: string, value: unknown) => void
type Read = (key: string) => Promise<Version>

/**
 * The values of watched keys, as they were told last. Answers and events may come in any order: of
 * each key, only newer values are told.
 */
export class WatchedValues {
  readonly #told = new Map<string, Version>()
  readonly #read: Read
  readonly #tell: Tell
  /** The revision of the last clear: everything before it is gone. */
  #clearedAt = 0

  /** `read` reads the value of a key. */
  constructor(read: Read, tell: Tell) {
    this.#read = read
    this.#tell = tell
  }

  get keys(): Iterable<string> {
    return this.#told.keys()
  }

  /** What was told last of a key; undefined: nothing. */
  get(key: string): Version | undefined {
    return this.#told.get(key)
  }

  forget(key: string): void {
    this.#told.delete(key)
  }

  change({ key, kind, revision, ...told }: Change): void {
    if (kind === 'clear') {
      this.#clearedAt = revision
      for (const known of [...this.#told.keys()]) this.learn(known, { value: undefined, revision })
    } else if (kind === 'delete') this.learn(key, { value: undefined, revision })
    else if ('value' in told && !this.#isListed(key)) {
      this.learn(key, { value: told.value ?? undefined, revision })
    } else void this.readNow(key)
  }

  /** A value from a list, whose revision is not known: events tell whether it is the newest. */
  list(key: string, value: unknown): void {
    if (this.#told.has(key)) void this.readNow(key)
    else this.#set(key, { value, revision: undefined })
  }

  learn(key: string, version: Version): void {
    const { revision = 0 } = version
    const told = this.#told.get(key)
    const isOld = told !== undefined && revision <= (told.revision ?? -1)
    if (!isOld && revision >= this.#clearedAt) this.#set(key, version)
  }

  /** Reads a value; a missing one has no revision, and counts if nothing newer was told. */
  async readNow(key: string): Promise<void> {
    const before = this.#told.get(key)
    const version = await this.#read(key)
    if (version.revision !== undefined) this.learn(key, version)
    else if (this.#told.get(key) === before) {
      this.#set(key, { value: undefined, revision: before?.revision })
    }
  }

  #isListed(key: string): boolean {
    const told = this.#told.get(key)
    return told !== undefined && told.revision === undefined
  }

  #set(key: string, version: Version): void {
    const told = this.#told.get(key)
    this.#told.set(key, version)
    const isSame = told !== undefined && told.value === undefined && version.value === undefined
    if (!isSame) this.#tell(key, version.value)
  }
}
