import type { WatchEvent } from '../../../core/history/watch-event.ts'
import type { WatchBatch, Watcher } from '../../../core/history/watcher.ts'
import type { Environment } from '../../../core/kernel/environment.ts'
import { StorageError } from '../../../core/kernel/errors.ts'

/** Watches of one connection. */
const watchesMax = 100

/** What a connection sends its watches' events with, see `SocketControl.push`. */
export type Push = (texts: readonly string[]) => Promise<void>

/** A watch and what its events say about it. */
export interface NewWatch {
  readonly watcher: Watcher
  /** The session's token as JSON text. */
  readonly token: string
  /** Whether values come with their changes. */
  readonly withValues: boolean
}

/**
 * The watches of one connection, by number. Only one of them at a time takes changes and sends
 * them, and the next one when the client has taken those: so a client that does not read makes the
 * server hold no more with many watches than with one.
 */
export class ConnectionWatches {
  readonly #push: Push
  readonly #environment: Environment
  readonly #watchers = new Map<number, Watcher>()
  #last = 0
  /** Resolves when it is the next one's turn. */
  #turn: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(push: Push, environment: Environment) {
    this.#push = push
    this.#environment = environment
  }

  /** Throws `too-many`. */
  assertRoom(): void {
    if (this.#watchers.size < watchesMax) return
    throw new StorageError('too-many', `A connection has at most ${watchesMax} watches.`)
  }

  /** Adds a watch and returns its number. Its events come after what is answered now. */
  add(watch: NewWatch): number {
    this.#last += 1
    const number = this.#last
    if (this.#isClosed) watch.watcher[Symbol.dispose]()
    this.#watchers.set(number, watch.watcher)
    setImmediate(() => void this.#run(number, watch))
    return number
  }

  /** Ends a watch. False: there is none with that number. */
  remove(number: number): boolean {
    this.#watchers.get(number)?.[Symbol.dispose]()
    return this.#watchers.delete(number)
  }

  /** The connection has ended. */
  close(): void {
    this.#isClosed = true
    for (const watcher of this.#watchers.values()) watcher[Symbol.dispose]()
    this.#watchers.clear()
  }

  async #run(number: number, watch: NewWatch): Promise<void> {
    const { watcher } = watch
    try {
      while (!watcher.isOver) {
        await this.#inTurn(() => this.#send(number, watch))
        await watcher.wait()
      }
    } catch (error) {
      this.#environment.logError('A watch failed', error)
    }
    this.remove(number)
  }

  /** Sends what is there. */
  async #send(number: number, watch: NewWatch): Promise<void> {
    const head = `"tkn":${watch.token},"watch":${number}`
    try {
      const batch = await watch.watcher.poll()
      // The client may have ended the watch meanwhile.
      if (batch && this.#watchers.has(number)) await this.#push(textsOf(head, batch, watch))
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      await this.#push([changeText(head, `"kind":"end","m":${JSON.stringify(error.message)}`)])
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined) // `done` rejects for its own caller
    return done
  }
}

function textsOf(head: string, batch: WatchBatch, { withValues }: NewWatch): readonly string[] {
  if (batch.kind === 'reset') return [changeText(head, `"kind":"reset","rev":${batch.revision}`)]
  const { events, resume } = batch
  return events.map((event, at) => {
    const next = events[at + 1]
    const goesOn = next ? next.change.revision === event.change.revision : resume === undefined
    return changeText(head, membersOf(event, { withValues, goesOn }))
  })
}

/** `more`: further changes of the same commit follow, and a client can't go on before them. */
function membersOf(
  { change: { key, kind, revision }, value }: WatchEvent,
  { withValues, goesOn }: { withValues: boolean; goesOn: boolean },
): string {
  const named = kind === 'put' || kind === 'delete' ? `"key":${JSON.stringify(key)},` : ''
  const json = withValues ? value?.json : undefined
  const valued = json === undefined ? '' : `,"val":${json}`
  return `${named}"kind":"${kind}","rev":${revision}${valued}${goesOn ? ',"more":true' : ''}`
}

function changeText(head: string, members: string): string {
  return `{"KV_CHANGE":{${head},${members}}}`
}
