import {
  type CopyMark,
  type CopyOrigin,
  type CopyTotals,
  copyMarkEntry,
  encodeCopyMark,
  readCopyMark,
} from '../disk/copy-mark.ts'
import { assertFormat } from '../disk/format.ts'
import { after, everyKey, formatKey } from '../disk/keyspace.ts'
import type { Entry, Revision, StorageEngine } from '../engine/engine.ts'
import type { InstalledEngine } from '../engine/installed-engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'
import { compare } from './copy-comparison.ts'
import { CopyError } from './copy-error.ts'
import { bytesOf, isFormat, type Survey, survey } from './copy-survey.ts'

export type CopyTarget = StorageEngine & Pick<InstalledEngine, 'restore'>

export type CopyPhase = 'reading' | 'copying' | 'comparing'

/** The progress of a phase, in bytes. `total` is unknown during the first read of the source. */
export interface CopyProgress {
  readonly phase: CopyPhase
  readonly done: number
  readonly total: number | undefined
}

export interface CopyOptions {
  /** Leaves out damaged entries of the source. Without this option, they make the copy fail. */
  readonly skipDamaged?: boolean
  /** Starts from the beginning, even if an incomplete copy exists. */
  readonly restart?: boolean
  /** Stops the copy, which rejects with the signal's reason. The copy can be continued later. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: CopyProgress) => void
}

export interface CopyReport extends CopyTotals {
  /** The newest revision of the source. */
  readonly newest: Revision
  /** Damaged entries of the source that were left out. */
  readonly skipped: number
}

/**
 * Copies everything in `source` into an empty `target`, including revisions and counters, and
 * compares both. Use it only while nobody writes to either.
 *
 * Nothing is left out, not even the entries of running or crashed servers (instances and leases of
 * uploads). The instance of a crashed server says that stores may have been used later than is
 * stored, which keeps them from expiring early. The sweeper needs a lease to find the chunks of an
 * upload that was cut off.
 *
 * An interrupted copy continues where it stopped: each restore stores how far it got. No server
 * serves the target before the copy is complete and compared.
 * Throws CopyError, StorageError `storage-unavailable` if the source's format can't be read, and
 * EngineError.
 */
export async function copy(
  source: StorageEngine,
  target: CopyTarget,
  options: CopyOptions = {},
): Promise<CopyReport> {
  return new Copy({ source, target, options }).run()
}

class Copy {
  readonly #source: StorageEngine
  readonly #target: CopyTarget
  readonly #options: CopyOptions
  readonly #signal: AbortSignal
  /** Why the copy cannot continue, if so. */
  #failure: unknown

  constructor(parts: { source: StorageEngine; target: CopyTarget; options: CopyOptions }) {
    this.#source = parts.source
    this.#target = parts.target
    this.#options = parts.options
    this.#signal = parts.options.signal ?? new AbortController().signal
  }

  async run(): Promise<CopyReport> {
    const format = await this.#readFormat()
    const newest = await this.#source.newerThan(-1, this.#signal)
    const origin = { format: Buffer.from(format.value).toString(), newest }
    const watching = new AbortController()
    const watch = this.#watch(newest, watching.signal)
    try {
      return await this.#copy(origin, format)
    } finally {
      watching.abort()
      await watch
    }
  }

  async #copy(origin: CopyOrigin, format: Entry): Promise<CopyReport> {
    const { newest } = origin
    const [before] = await this.#target.get([formatKey])
    const mark = (await this.#begun(origin, before)) ?? (await this.#begin(origin, before))
    if (mark.behind === undefined) await this.#empty()
    await this.#fill(mark)
    await this.#compare(mark)
    await this.#target.restore([format], newest)
    return { ...mark.totals, newest, skipped: mark.skipped }
  }

  async #readFormat(): Promise<Entry> {
    const [entry] = await this.#source.get([formatKey])
    if (!entry) throw new CopyError('no-source', 'There is no data to copy.')
    assertFormat(entry)
    return entry
  }

  /**
   * The mark of an incomplete copy of the same data, which can be continued. `before` is the
   * target's format entry.
   */
  async #begun(origin: CopyOrigin, before: Entry | undefined): Promise<CopyMark | undefined> {
    const mark = before && readCopyMark(before)
    if (!mark) {
      if (before || !(await this.#isEmpty())) throw occupied()
      return undefined
    }
    if (this.#options.restart) return undefined
    if (mark.origin.format === origin.format && mark.origin.newest === origin.newest) return mark
    const sentence =
      'The target holds an incomplete copy of other data, or of an earlier state of this data. Use --restart to start again.'
    throw new CopyError('other-copy', sentence)
  }

  async #isEmpty(): Promise<boolean> {
    const { entries } = await this.#target.scan(everyKey, { limit: 1, bytes: 1 })
    return entries.length === 0
  }

  /**
   * Marks the target as an incomplete copy. Throws if its format entry is no longer `before`: a
   * server may have started there while the source was read.
   */
  async #begin(origin: CopyOrigin, before: Entry | undefined): Promise<CopyMark> {
    const found = await survey(this.#source, ({ bytes }) => this.#step('reading', bytes))
    if (found.damagedCount > 0 && !this.#options.skipDamaged) throw damaged(found)
    const mark: CopyMark = {
      origin,
      totals: found.totals,
      skipped: found.damagedCount,
      copied: { entries: 0, bytes: 0 },
      behind: undefined,
    }
    const { applied } = await this.#target.commit({
      checks: [{ key: formatKey, revision: before?.revision }],
      puts: [{ key: formatKey, value: encodeCopyMark(mark) }],
    })
    if (!applied) throw occupied()
    return mark
  }

  /** Removes the entries of an earlier copy, in bounded batches. */
  async #empty(): Promise<void> {
    let { start } = everyKey
    for (;;) {
      this.#assertGoingOn()
      const bound = { limit: limits.sweepBatchKeysMax, bytes: limits.pageBytesMax }
      const { entries, more } = await this.#target.scan({ start, end: everyKey.end }, bound)
      const deletes = entries.filter((entry) => !isFormat(entry)).map(({ key }) => key)
      if (deletes.length > 0) await this.#target.commit({ deletes })
      const last = entries.at(-1)
      if (!more || !last) return
      start = after(last.key)
    }
  }

  async #fill(begun: CopyMark): Promise<void> {
    let mark = begun
    for (;;) {
      this.#assertGoingOn()
      const start = mark.behind ? after(mark.behind) : everyKey.start
      const bound = { limit: limits.copyEntriesMax, bytes: limits.copyBytesMax }
      const { entries, more } = await this.#source.scan({ start, end: everyKey.end }, bound)
      const last = entries.at(-1)
      if (!last) return
      const copied = this.#copyable(entries, mark.origin)
      mark = { ...mark, copied: sum(mark.copied, copied), behind: Buffer.from(last.key) }
      await this.#target.restore([...copied, copyMarkEntry(mark)], mark.origin.newest)
      this.#step('copying', mark.copied.bytes, mark.totals.bytes)
      if (!more) return
    }
  }

  #copyable(entries: readonly Entry[], { newest }: CopyOrigin): Entry[] {
    return entries.filter((entry) => {
      if (isFormat(entry)) return false
      if (entry.revision > newest && !entry.isDamaged) throw moved()
      if (!entry.isDamaged) return true
      if (this.#options.skipDamaged) return false
      throw new CopyError(
        'source-damaged',
        'An entry of the source is damaged. Use --skip-damaged to leave it out.',
      )
    })
  }

  async #compare({ origin, totals }: CopyMark): Promise<void> {
    const onEntry = ({ bytes }: CopyTotals): void => this.#step('comparing', bytes, totals.bytes)
    const { differsAt, alike } = await compare(this.#source, this.#target, onEntry)
    // Checked first: a change of the source would explain a difference.
    if ((await this.#source.newerThan(-1, this.#signal)) !== origin.newest) throw moved()
    if (differsAt) throw different(differsAt)
    if (alike.entries !== totals.entries || alike.bytes !== totals.bytes) throw moved()
  }

  /** Waits for a commit to the source by another server, which makes the copy fail. */
  async #watch(newest: Revision, signal: AbortSignal): Promise<void> {
    try {
      let found = newest
      while (found <= newest) found = await this.#source.newerThan(newest, signal)
      this.#failure = moved()
    } catch (error) {
      if (!signal.aborted) this.#failure = error
    }
  }

  #assertGoingOn(): void {
    this.#signal.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
  }

  #step(phase: CopyPhase, done: number, total?: number): void {
    this.#assertGoingOn()
    this.#options.onProgress?.({ phase, done, total })
  }
}

function sum({ entries, bytes }: CopyTotals, more: readonly Entry[]): CopyTotals {
  return {
    entries: entries + more.length,
    bytes: more.reduce((total, entry) => total + bytesOf(entry), bytes),
  }
}

function occupied(): CopyError {
  const sentence = 'The target already holds data, which a copy never overwrites.'
  return new CopyError('target-occupied', sentence)
}

function moved(): CopyError {
  const sentence = 'The source changed during the copy. Stop all of its servers, then copy again.'
  return new CopyError('source-moved', sentence)
}

function different(key: Bytes): CopyError {
  const name = Buffer.from(key).toString('hex')
  const sentence = `The copy differs from its source at the entry ${name}. Use --restart to start again.`
  return new CopyError('differs', sentence)
}

function damaged({ damagedCount, damaged: names }: Survey): CopyError {
  const count = damagedCount === 1 ? 'One entry is' : `${damagedCount} entries are`
  const list = `${names.join(', ')}${damagedCount > names.length ? ', ...' : ''}`
  const advice = '--skip-damaged leaves them out; coatcheck check shows more'
  return new CopyError('source-damaged', `${count} damaged in the source (${list}): ${advice}.`)
}
