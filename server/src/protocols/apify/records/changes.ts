import { addressGroup } from '../../../core/kernel/bounds/address-group.ts'
import { isJsonType } from '../../../core/values/content-type.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { eventStreamHeaders, eventStreamReply } from '../../http/event-stream.ts'
import { toldOf } from '../../rest/errors.ts'
import { ChangeEvents, type EventWords } from '../../rest/events/change-events.ts'
import { resumeOf } from '../../rest/events/resume.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'

/**
 * GET changes?prefix=&values=&after=: the changes of a store from now on, or after a revision, as
 * server-sent events. Short JSON values come with their changes, unless `values=0`.
 */
export async function getChanges(call: ApifyCall): Promise<HttpReply> {
  const { request, query, principal } = call
  const after = resumeOf(request, query)
  const withValues = query.oneOf('values', ['0', '1']) !== '0'
  const store = await findStore(call, { action: 'read', extent: 'some' })
  if (request.method === 'HEAD') {
    await store.identity() // asks the caller
    return { status: 200, headers: eventStreamHeaders(), body: '' }
  }
  const prefix = query.text('prefix') ?? ''
  const owner = principal.kind === 'user' ? principal.user.id : addressGroup(request.peer)
  const watcher = await store.watch({ prefix, after, withValues, owner })
  return eventStreamReply(new ChangeEvents(watcher, wordsOf(call, withValues), after))
}

function wordsOf({ environment, request }: ApifyCall, withValues: boolean): EventWords {
  return {
    valueOf: ({ value }) =>
      withValues && value && isJsonType(value.contentType) ? value.json : undefined,
    toldOf,
    logError: (error) => environment.logError(`${request.method} ${request.path} failed`, error),
  }
}
