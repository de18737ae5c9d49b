import type { Revision } from '../../../core/engine/engine.ts'
import { Newest } from '../../../core/engine/newest.ts'
import type { News } from '../../../core/engine/news.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { Notice } from './notice.ts'

/**
 * What this server has heard of all commits. Each notice must begin where the last one ended. If
 * not, one was lost, and then any log may have changed.
 */
export class Heard {
  /** How often something was heard: the places of `News`. */
  readonly #places = new Newest(0)
  /** By name: the place at which a log was heard of last, the latest last. */
  readonly #logs = new Map<string, number>()
  /** Until this place, any log may have changed. */
  #anyUntil = 0
  #revision: Revision = 0

  /** Of all commits up to this one. */
  get revision(): Revision {
    return this.#revision
  }

  /** Undefined: a notice that nobody can read. */
  note(notice: Notice | undefined): void {
    const { before, newest = this.#revision, logs } = notice ?? {}
    if (!logs || before !== this.#revision) this.miss(newest)
    else this.#add(logs)
    this.#revision = newest
  }

  /** Something may not have been heard. From now on, all after `revision` is. */
  miss(revision: Revision): void {
    this.#revision = revision
    this.#logs.clear()
    this.#anyUntil = this.#places.revision + 1
    this.#places.advance(this.#anyUntil)
  }

  /** See `StorageEngine.newsAfter`. */
  async newsAfter(place: number, signal: AbortSignal): Promise<News> {
    await this.#places.newerThan(place, signal)
    const logs = new Set<string>()
    for (const [name, at] of this.#logs) if (at > place) logs.add(name)
    const isAny = place < this.#anyUntil
    return { place: this.#places.revision, logs: isAny ? undefined : logs }
  }

  /** Rejects all waiting callers. */
  close(): void {
    this.#places.close()
  }

  #add(names: readonly string[]): void {
    if (names.length === 0) return
    const place = this.#places.revision + 1
    for (const name of names) {
      this.#logs.delete(name)
      this.#logs.set(name, place)
    }
    for (const [name, at] of this.#logs) {
      if (this.#logs.size <= limits.heardLogsMax) break
      this.#logs.delete(name)
      this.#anyUntil = at
    }
    this.#places.advance(place)
  }
}
