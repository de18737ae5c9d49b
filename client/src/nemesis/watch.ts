import { printJson } from '../json/json.ts'
import type { Members } from '../json/json-members.ts'
import { type Change, isLast } from '../watch/change.ts'
import { Place } from '../watch/place.ts'
import { recordChangeOf } from '../watch/sent-change.ts'
import { NemesisConnectionError, NemesisError } from './answers/errors.ts'
import { assertStatus } from './answers/refusal.ts'
import { status } from './answers/statuses.ts'
import { ChangeQueue } from './change-queue.ts'
import type { Connection } from './link/connection.ts'

export interface SessionWatchOptions {
  /** Only keys that begin with it. */
  readonly prefix?: string
  /** Begins behind this revision; without it: now. */
  readonly after?: number
  /** Whether changes have short values; true by default. */
  readonly values?: boolean
  /** Ends the watching, which then throws `signal.reason`. */
  readonly signal?: AbortSignal
}

/**
 * Changes of a session, in the order of their revisions, which never go back. The first is `ready`.
 * With `reconnect` it goes on over the next connection where it ended. Ends after `drop` and
 * `expire`. Throws NemesisError, NemesisConnectionError, and `signal.reason`.
 */
export async function* watchSession(
  connection: Connection,
  tkn: string,
  options: SessionWatchOptions = {},
): AsyncGenerator<Change, void, undefined> {
  const { signal } = options
  const place = new Place(options.after)
  for (;;) {
    const queue = new ChangeQueue()
    try {
      const ready = await open({ connection, tkn, queue }, options, place)
      if (place.accept(ready)) yield ready
      for await (const members of queue.items(signal)) {
        const change = changeOf(members)
        if (!change || !place.accept(change)) continue
        yield change
        if (isLast(change)) return
      }
    } catch (error) {
      const isLost = error instanceof NemesisConnectionError && error.outcome === 'unknown'
      if (!isLost || !connection.willReconnect) throw error
    } finally {
      end(connection, tkn, queue)
    }
    if (queue.isLost && !connection.willReconnect) {
      throw new NemesisConnectionError('The connection ended.', 'unknown')
    }
  }
}

interface OpenWatch {
  readonly connection: Connection
  readonly tkn: string
  readonly queue: ChangeQueue
}

/** Begins a watch whose changes go into the queue. */
async function open(
  { connection, tkn, queue }: OpenWatch,
  { prefix, values = true, signal }: SessionWatchOptions,
  { after }: Place,
): Promise<Change> {
  signal?.throwIfAborted()
  const parameters = printJson({ ...(prefix !== undefined && { prefix }), vals: values, after })
  const answer = await connection.ask(
    'KV_WATCH',
    `{"tkn":${tkn},${parameters.slice(1)}`,
    // Listens at once: the first change may come in the same packet as this answer.
    (found) => {
      const watch = found.get('watch')
      if (watch !== undefined) {
        queue.watch = watch
        connection.listen(watch, (change) => queue.push(change))
      }
      return false
    },
  )
  assertStatus('KV_WATCH', answer, [status.Ok])
  return { kind: 'ready', revision: Number(answer.get('rev')) }
}

/** Tells the server, unless the connection is gone and the watch with it. */
function end(connection: Connection, tkn: string, { watch, isLost }: ChangeQueue): void {
  if (watch === undefined || isLost) return
  connection.unlisten(watch)
  connection.ask('KV_UNWATCH', `{"tkn":${tkn},"watch":${watch}}`).catch(() => undefined)
}

/** Undefined for kinds that this client does not know. Throws NemesisError if the right ended. */
function changeOf(members: Members): Change | undefined {
  const kind = JSON.parse(members.get('kind') ?? '""')
  const revision = Number(members.get('rev') ?? 0)
  if (kind === 'end') {
    const reason = JSON.parse(members.get('m') ?? '""')
    throw new NemesisError('KV_WATCH', status.SessionNotExist, { reason })
  }
  if (kind === 'reset') return { kind, revision }
  const value = members.get('val')
  const named = value === undefined ? members : new Map([...members, ['value', value]])
  return recordChangeOf(named, revision)
}
