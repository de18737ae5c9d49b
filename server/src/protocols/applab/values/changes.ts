import { addressGroup } from '../../../core/kernel/bounds/address-group.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { eventStreamHeaders, eventStreamReply } from '../../http/event-stream.ts'
import { ChangeEvents, type EventWords } from '../../rest/events/change-events.ts'
import { resumeOf } from '../../rest/events/resume.ts'
import { answering } from '../page/answering.ts'
import type { PageCall } from '../page/call.ts'
import { PageError, pageErrorOf } from '../page/errors.ts'
import { assertKeysInScope, inProject, pageOf, type Use } from '../page/in-project.ts'
import type { PageRight } from '../page/page.ts'
import { queryOf } from './body.ts'

/** The keys that a page watches: these, or all that begin with the prefix. */
interface Watched {
  readonly keys: ReadonlySet<string> | undefined
  readonly prefix: string
  /** Whether the names of the users who made the changes are told. */
  readonly withNames: boolean
}

/**
 * GET changes?key= or ?prefix=: the changes of these keys, as server-sent events. For keys, pages
 * need the right to get them; for a prefix, the right to list it. `who=1` adds the names of the
 * users who made the changes: it needs a token that may manage the project.
 */
export async function getChanges(call: PageCall): Promise<HttpReply> {
  const watched = watchedOf(call)
  const page = pageOf(call, rightFor(watched))
  return answering(call, page, () => {
    return inProject(call, { ...useFor(watched), page }, (store) => watch(call, store, watched))
  })
}

/** What a page must have; undefined: pages are told no names. */
function rightFor({ keys, prefix, withNames }: Watched): PageRight | undefined {
  if (withNames) return undefined
  return keys ? 'use' : { listed: prefix }
}

function useFor({ withNames }: Watched): Use {
  return withNames ? { action: 'manage', extent: 'all' } : { action: 'read', extent: 'some' }
}

async function watch(
  call: PageCall,
  store: Store,
  { keys, prefix, withNames }: Watched,
): Promise<HttpReply> {
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
  return eventStreamReply(new ChangeEvents(watcher, wordsOf(call, withNames), after))
}

/** Throws PageError. */
function watchedOf(call: PageCall): Watched {
  const parameters = queryOf(call)
  const keys = parameters.keys()
  const prefix = parameters.prefix()
  const withNames = call.query.oneOf('who', ['0', '1']) === '1'
  if (keys.length === 0) return { keys: undefined, prefix: prefix ?? '', withNames }
  if (prefix === undefined) return { keys: new Set(keys), prefix: '', withNames }
  const message = 'Watch either keys or a prefix, and not both'
  throw new PageError({ status: 400, type: 'KEY_INVALID' }, message)
}

function wordsOf(call: PageCall, withNames: boolean): EventWords {
  const { environment, request } = call
  return {
    names: withNames ? call : undefined,
    valueOf: ({ value }) => value?.json,
    toldOf: (error) => {
      const { type, message } = pageErrorOf(error)
      return { type, message }
    },
    logError: (error) => environment.logError(`${request.method} ${request.path} failed`, error),
  }
}
