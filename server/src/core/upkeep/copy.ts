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

/** How far a phase is, in bytes; `total` is not known while the source is read first. */
export interface CopyProgress {
  readonly phase: CopyPhase
  readonly done: number
  readonly total: number | undefined
}

export interface CopyOptions {
  /** Leaves out what is damaged in the source, which is refused otherwise. */
  readonly skipDamaged?: boolean
  /** Begins anew, whatever half a copy is there. */
  readonly restart?: boolean
  /** Stops the copy, with the signal's reason; it can be continued. */
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
 * Copies all that is in `source` into an empty `target`, revisions and counters included, and
 * compares both. To be used while nobody writes to either.
 *
 * Nothing is left out. What tells of servers that run or ran (instances, leases of uploads) is
 * about the past, too: an instance that did not leave in order says that stores may have been used
 * later than is written, which keeps them from expiring early; a lease is how the sweeper finds
 * what an upload left behind.
 *
 * A copy that was interrupted, by whatever, goes on where it stopped: each restore writes how far
 * it came. No server serves the target before all of it is there and was compared.
 * Throws CopyError, StorageError `storage-unavailable` where the source's format can't be read,
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
  /** Why the source can't be copied any more. */
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
    if (!entry) throw new CopyError('no-source', 'There is no data to be copied.')
    assertFormat(entry)
    return entry
  }

  /** Half a copy of the very same data, to be continued. `before` is the target's format. */
  async #begun(origin: CopyOrigin, before: Entry | undefined): Promise<CopyMark | undefined> {
    const mark = before && readCopyMark(before)
    if (!mark) {
      if (before || !(await this.#isEmpty())) throw occupied()
      return undefined
    }
    if (this.#options.restart) return undefined
    if (mark.origin.format === origin.format && mark.origin.newest === origin.newest) return mark
    const sentence =
      'Half a copy of other data, or of an earlier state of this data, is there: --restart begins anew.'
    throw new CopyError('other-copy', sentence)
  }

  async #isEmpty(): Promise<boolean> {
    const { entries } = await this.#target.scan(everyKey, { limit: 1, bytes: 1 })
    return entries.length === 0
  }

  /**
   * Says in the target that it is half a copy from now on, unless its format is no longer what it
   * was `before`: a server may have begun there while the source was read.
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

  /** Removes what an earlier copy left, a bounded batch at a time. */
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
        'An entry of the source is damaged: see --skip-damaged.',
      )
    })
  }

  async #compare({ origin, totals }: CopyMark): Promise<void> {
    const onEntry = ({ bytes }: CopyTotals): void => this.#step('comparing', bytes, totals.bytes)
    const { differsAt, alike } = await compare(this.#source, this.#target, onEntry)
    // First, since a source that moves is why they would differ.
    if ((await this.#source.newerThan(-1, this.#signal)) !== origin.newest) throw moved()
    if (differsAt) throw different(differsAt)
    if (alike.entries !== totals.entries || alike.bytes !== totals.bytes) throw moved()
  }

  /** An engine that others may write to tells of it to those who wait for it. */
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
  const sentence = 'There is data in the target already, which a copy never overwrites.'
  return new CopyError('target-occupied', sentence)
}

function moved(): CopyError {
  const sentence =
    'Somebody wrote to the source meanwhile: stop all of its servers, then copy again.'
  return new CopyError('source-moved', sentence)
}

function different(key: Bytes): CopyError {
  const name = Buffer.from(key).toString('hex')
  const sentence = `The copy differs from its source at the entry ${name}: --restart begins anew.`
  return new CopyError('differs', sentence)
}

function damaged({ damagedCount, damaged: names }: Survey): CopyError {
  const count = damagedCount === 1 ? 'One entry is' : `${damagedCount} entries are`
  const list = `${names.join(', ')}${damagedCount > names.length ? ', ...' : ''}`
  const advice = '--skip-damaged leaves them out; coatcheck check tells more'
  return new CopyError('source-damaged', `${count} damaged in the source (${list}): ${advice}.`)
}
