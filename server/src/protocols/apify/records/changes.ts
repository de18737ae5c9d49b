import { addressGroup } from '../../../core/kernel/bounds/address-group.ts'
import { isJsonType } from '../../../core/values/content-type.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { eventStreamHeaders, eventStreamReply } from '../../http/event-stream.ts'
import { toldOf } from '../../rest/errors.ts'
import { ChangeEvents, type EventWords } from '../../rest/events/change-events.ts'
import { resumeOf } from '../../rest/events/resume.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { managing } from '../stores/stores.ts'

/**
 * GET changes?prefix=&values=&after=&who=: the changes of a store from now on, or after a revision,
 * as server-sent events. Short JSON values come with their changes, unless `values=0`. So do the
 * names of the users who made them with `who=1`, which needs the right to manage the store.
 */
export async function getChanges(call: ApifyCall): Promise<HttpReply> {
  const { request, query, principal } = call
  const after = resumeOf(request, query)
  const withValues = query.oneOf('values', ['0', '1']) !== '0'
  const withNames = query.oneOf('who', ['0', '1']) === '1'
  const store = await findStore(call, withNames ? managing : { action: 'read', extent: 'some' })
  if (request.method === 'HEAD') {
    await store.identity() // asks the caller
    return { status: 200, headers: eventStreamHeaders(), body: '' }
  }
  const prefix = query.text('prefix') ?? ''
  const owner = principal.kind === 'user' ? principal.user.id : addressGroup(request.peer)
  const watcher = await store.watch({ prefix, after, withValues, owner })
  return eventStreamReply(
    new ChangeEvents(watcher, wordsOf(call, { withValues, withNames }), after),
  )
}

function wordsOf(
  call: ApifyCall,
  { withValues, withNames }: { withValues: boolean; withNames: boolean },
): EventWords {
  const { environment, request } = call
  return {
    names: withNames ? call : undefined,
    valueOf: ({ value }) =>
      withValues && value && isJsonType(value.contentType) ? value.json : undefined,
    toldOf,
    logError: (error) => environment.logError(`${request.method} ${request.path} failed`, error),
  }
}
