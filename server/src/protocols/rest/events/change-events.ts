import type { Revision } from '../../../core/engine/engine.ts'
import type { WatchEvent } from '../../../core/history/watch-event.ts'
import type { WatchBatch, Watcher } from '../../../core/history/watcher.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import type { Actor } from '../../../core/log/actor.ts'
import { type EventTexts, eventText } from '../../http/event-stream.ts'
import { usernamesOf } from '../audit/usernames.ts'
import type { RestCall } from '../routes.ts'

/** How a door tells of changes. */
export interface EventWords {
  /** The JSON text of an event's value; undefined: it comes without one. */
  valueOf(event: WatchEvent): string | undefined
  /** What the client is told when it loses its right. */
  toldOf(error: StorageError): { readonly type: string; readonly message: string }
  /** Where the names of users are looked up; undefined: the client is told no names. */
  readonly names: Pick<RestCall, 'domain'> | undefined
  /** Logs an unexpected failure. */
  logError(error: unknown): void
}

/** Undefined: the client is told no names. */
type Usernames = ReadonlyMap<string, string> | undefined

/** The changes that a watcher sees, as server-sent events. */
export class ChangeEvents implements EventTexts {
  readonly #watcher: Watcher
  readonly #words: EventWords
  /** The revision after which the client wants to go on; undefined: it begins now. */
  readonly #after: Revision | undefined
  #isBegun = false
  #toldId: string | undefined

  constructor(watcher: Watcher, words: EventWords, after: Revision | undefined) {
    this.#watcher = watcher
    this.#words = words
    this.#after = after
  }

  get signal(): AbortSignal {
    return this.#watcher.signal
  }

  async next(): Promise<string | undefined> {
    if (!this.#isBegun) {
      this.#isBegun = true
      return this.#ready()
    }
    try {
      const batch = await this.#watcher.next()
      return batch && (await this.#textOf(batch))
    } catch (error) {
      return this.#end(error)
    }
  }

  /**
   * A comment, and the revision that was reached: so a client that sees few of the changes need not
   * read the others again after a pause.
   */
  idle(): string {
    const id = this.#watcher.resume
    const isNew = id !== undefined && this.#toldId !== `${id}`
    return `: still here\n${eventText(isNew ? { id: this.#tell(id) } : {})}`
  }

  close(): void {
    this.#watcher[Symbol.dispose]()
  }

  #tell(revision: Revision): string {
    this.#toldId = `${revision}`
    return this.#toldId
  }

  #ready(): string {
    const { resume = this.#after ?? 0 } = this.#watcher
    const data = JSON.stringify({ revision: resume })
    return eventText({ id: this.#tell(resume), event: 'ready', data })
  }

  async #textOf(batch: WatchBatch): Promise<string> {
    if (batch.kind === 'reset') {
      const { revision } = batch
      const data = JSON.stringify({ revision })
      return eventText({ id: this.#tell(revision), event: 'reset', data })
    }
    const { events, resume } = batch
    const names = await this.#namesOf(events)
    return events.map((event, at) => this.#change(event, idOf(events, at, resume), names)).join('')
  }

  async #namesOf(events: readonly WatchEvent[]): Promise<Usernames> {
    const { names } = this.#words
    if (!names) return undefined
    return usernamesOf(
      names,
      events.flatMap(({ change: { actor } }) => (actor ? [actor.userId] : [])),
    )
  }

  /** Only the last change of a commit has an id: a client goes on behind whole commits. */
  #change(event: WatchEvent, id: Revision | undefined, names: Usernames): string {
    const { key, kind, revision, actor } = event.change
    const json = this.#words.valueOf(event)
    const { contentType } = event.value ?? {}
    const members = JSON.stringify({ key, kind, revision, contentType }).slice(0, -1)
    const value = json === undefined ? '' : `,"value":${json}`
    const door = actor ? `,"door":"${actor.door}"` : ''
    const username = names ? `,"username":${JSON.stringify(nameIn(names, actor))}` : ''
    const told = id === undefined ? undefined : this.#tell(id)
    return eventText({ id: told, event: 'change', data: `${members}${value}${door}${username}}` })
  }

  #end(error: unknown): string | undefined {
    if (!(error instanceof StorageError)) {
      this.#words.logError(error)
      return undefined
    }
    return eventText({ event: 'end', data: JSON.stringify(this.#words.toldOf(error)) })
  }
}

function nameIn(names: ReadonlyMap<string, string>, actor: Actor | undefined): string | null {
  return names.get(actor?.userId ?? '') ?? null
}

function idOf(
  events: readonly WatchEvent[],
  at: number,
  resume: Revision | undefined,
): Revision | undefined {
  const next = events[at + 1]
  if (!next) return resume
  const revision = events[at]?.change.revision
  return next.change.revision === revision ? undefined : revision
}
