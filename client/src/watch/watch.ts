import type { Answer } from '../http/answer.ts'
import type { Caller } from '../http/caller.ts'
import { CoatcheckError, notUnderstood } from '../http/errors.ts'
import { delayAfter } from '../waiting/pace.ts'
import { pause } from '../waiting/pause.ts'
import { type Change, isLast } from './change.ts'
import { EventParser, type SentEvent } from './event-parser.ts'
import { Place } from './place.ts'
import { changeOf } from './sent-change.ts'

export interface WatchOptions {
  /** Only keys that begin with it. */
  readonly prefix?: string | undefined
  /** Begins behind this revision, such as that of the last change seen; without it: now. */
  readonly after?: number | undefined
  /** Whether changes have short JSON values; true by default. */
  readonly values?: boolean | undefined
  /** Whether changes name the user who made them; needs the right to manage the store. */
  readonly who?: boolean | undefined
  /** Ends the watching, which then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined
  /**
   * After this silence the connection counts as lost; 45,000 ms by default. The server says every
   * 15 seconds that it is still there.
   */
  readonly silenceMs?: number | undefined
}

export interface WatchedStore {
  readonly caller: Caller
  readonly path: string
}

const usualSilenceMs = 45_000
/** The delay before a further connection, if the server names no other. */
const usualRetryMs = 1_000
const retryMsMax = 30_000
const pace = { minDelayMs: 500, maxDelayMs: 15_000 } as const

/**
 * Changes of a store, in the order of their revisions, which never go back. The first is `ready`.
 * Of several changes of one key in a short time, only the latest may come. A lost connection is
 * made again, and goes on where it ended. Ends after `drop` and `expire`. Throws CoatcheckError if
 * the first connection fails or the right to read ends, and `signal.reason`.
 */
export async function* watchStore(
  store: WatchedStore,
  options: WatchOptions = {},
): AsyncGenerator<Change, void, undefined> {
  const place = new Place(options.after)
  const line = { failures: 0, retryMs: usualRetryMs, isFirst: true }
  for (;;) {
    try {
      const answer = await connect(store, options, { place, isFirst: line.isFirst })
      for await (const event of eventsOf(answer)) {
        if (event.kind !== 'event') {
          if (event.kind === 'retry') line.retryMs = Math.min(event.ms, retryMsMax)
          else place.rest()
          continue
        }
        const change = changeOf(event)
        if (!change || !place.accept(change)) continue
        line.isFirst = false
        if (change.kind !== 'ready') line.failures = 0
        yield change
        if (isLast(change)) return
      }
    } catch (error) {
      if (!isPassing(error) || line.isFirst) throw error
    }
    line.failures += 1
    await pause(Math.max(line.retryMs, delayAfter(line.failures, pace)), options.signal)
  }
}

async function connect(
  { caller, path }: WatchedStore,
  { prefix, values = true, who, signal, silenceMs = usualSilenceMs }: WatchOptions,
  { place, isFirst }: { readonly place: Place; readonly isFirst: boolean },
): Promise<Answer> {
  const { after } = place
  const answer = await caller.call({
    method: 'GET',
    path: `${path}/changes`,
    query: { prefix, values: values ? 1 : 0, who: who ? 1 : undefined },
    headers: {
      Accept: 'text/event-stream',
      ...(after !== undefined && { 'Last-Event-ID': String(after) }),
    },
    signal,
    timeoutMs: silenceMs,
    // Later failures are repaired here, for as long as the caller watches.
    ...(!isFirst && { retries: 0 }),
  })
  const type = answer.header('content-type')
  if (/^text\/event-stream\b/i.test(type)) return answer
  answer.discard()
  throw notUnderstood(
    answer.status,
    `The server sent ${type || 'nothing'}, not a stream of events.`,
  )
}

async function* eventsOf(answer: Answer): AsyncGenerator<SentEvent, void, undefined> {
  const parser = new EventParser()
  const decoder = new TextDecoder()
  for await (const chunk of answer.chunks()) {
    yield* eventsIn(parser, decoder.decode(chunk, { stream: true }))
  }
}

function eventsIn(parser: EventParser, text: string): readonly SentEvent[] {
  try {
    return parser.push(text)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new CoatcheckError(error.message, { status: 200, type: 'answer-too-large', cause: error })
  }
}

/** Whether a further connection may succeed. */
function isPassing(error: unknown): boolean {
  return error instanceof CoatcheckError && (error.isRetryable || error.status >= 500)
}
