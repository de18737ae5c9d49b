import { addressGroup } from '../../../core/kernel/bounds/address-group.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { eventStreamHeaders, eventStreamReply } from '../../http/event-stream.ts'
import { ChangeEvents, type EventWords } from '../../rest/events/change-events.ts'
import { resumeOf } from '../../rest/events/resume.ts'
import { answering } from '../page/answering.ts'
import type { PageCall } from '../page/call.ts'
import { PageError, pageErrorOf } from '../page/errors.ts'
import { assertKeysInScope, inProject, pageOf } from '../page/in-project.ts'
import { queryOf } from './body.ts'

/** The keys that a page watches: these, or all that begin with the prefix. */
interface Watched {
  readonly keys: ReadonlySet<string> | undefined
  readonly prefix: string
}

/**
 * GET changes?key= or ?prefix=: the changes of these keys, as server-sent events. For keys, pages
 * need the right to get them; for a prefix, the right to list it.
 */
export async function getChanges(call: PageCall): Promise<HttpReply> {
  const watched = watchedOf(call)
  const page = pageOf(call, watched.keys ? 'use' : { listed: watched.prefix })
  return answering(call, page, () => {
    const use = { action: 'read', extent: 'some', page } as const
    return inProject(call, use, (store) => watch(call, store, watched))
  })
}

async function watch(call: PageCall, store: Store, { keys, prefix }: Watched): Promise<HttpReply> {
  const { request, query, principal } = call
  const after = resumeOf(request, query)
  assertKeysInScope(call, store, keys ?? [])
  if (request.method === 'HEAD') {
    await store.identity() // asks the caller
    return { status: 200, headers: eventStreamHeaders(), body: '' }
  }
  const owner = principal.kind === 'user' ? principal.user.id : addressGroup(request.peer)
  const own = { after, prefix, owner, withValues: true }
  const watcher = await store.watch(keys ? { ...own, keys } : own)
  return eventStreamReply(new ChangeEvents(watcher, wordsOf(call), after))
}

/** Throws PageError. */
function watchedOf(call: PageCall): Watched {
  const parameters = queryOf(call)
  const keys = parameters.keys()
  const prefix = parameters.prefix()
  if (keys.length === 0) return { keys: undefined, prefix: prefix ?? '' }
  if (prefix === undefined) return { keys: new Set(keys), prefix: '' }
  const message = 'Watch either keys or a prefix, and not both'
  throw new PageError({ status: 400, type: 'KEY_INVALID' }, message)
}

function wordsOf({ environment, request }: PageCall): EventWords {
  return {
    valueOf: ({ value }) => value?.json,
    toldOf: (error) => {
      const { type, message } = pageErrorOf(error)
      return { type, message }
    },
    logError: (error) => environment.logError(`${request.method} ${request.path} failed`, error),
  }
}
