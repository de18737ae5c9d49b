import { limits } from '../../../core/kernel/limits.ts'
import { whileHeld } from '../../../core/records/held-records.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { exactCondition } from '../../http/exact-condition.ts'
import { isConditional } from '../../http/preconditions.ts'
import { isLongWork, readyBytesOf } from '../../json/json-value.ts'
import { type BodyBound, bodyBound } from '../../rest/json-body.ts'
import { withRepetition } from '../../rest/named-request.ts'
import { emptyReply } from '../../rest/replies.ts'
import { turnOf } from '../../rest/routes.ts'
import { answering } from '../page/answering.ts'
import type { PageCall } from '../page/call.ts'
import { PageError } from '../page/errors.ts'
import { assertKeysInScope, inProject, pageOf } from '../page/in-project.ts'
import { Page, type PageRight } from '../page/page.ts'
import { queryOf, readParameters } from './body.ts'
import { conditionOf, isUnchanged, tagOf } from './conditional.ts'
import { namedCall } from './named-call.ts'
import { jsonTextOf, pageTextOf } from './read-value.ts'
import { jsonReplyOf, type Parameters, parseValue, valueTooLarge } from './wire.ts'
import { type ValueWrite, writeAsPage, writeValue } from './write-value.ts'

/** Browsers may cache a value, but must ask the server before each use whether it has changed. */
const readHeaders = { 'Cache-Control': 'private, no-cache' } as const

/** GET get_key_value?key=: the value as JSON; `null` if there is none. */
export function getKeyValue(call: PageCall): Promise<HttpReply> {
  const page = pageOf(call, 'use')
  return answering(call, page, async () => {
    const use = { action: 'read', extent: 'some', page } as const
    return inProject(call, use, async (store) => {
      const key = queryOf(call).key()
      assertKeysInScope(call, store, [key])
      const record = await store.get(key)
      return whileHeld([record], () => valueReply(call, store, record))
    })
  })
}

async function valueReply(
  call: PageCall,
  store: Store,
  record: StoreRecord | undefined,
): Promise<HttpReply> {
  if (isConditional(call.request) && (await isUnchanged(call, store, record))) {
    return emptyReply(304, { ...readHeaders, ETag: tagOf(record?.revision ?? 0) })
  }
  if (!record) return jsonReplyOf('null', readHeaders)
  const json = readyBytesOf(record) ?? (await textInTurn(call, store, record))
  if (json === undefined) throw notJson()
  return jsonReplyOf(json, { ...readHeaders, ETag: tagOf(record.revision) })
}

async function textInTurn(
  call: PageCall,
  store: Store,
  record: StoreRecord,
): Promise<string | undefined> {
  if (isLongWork(record)) await turnOf(call)
  return call.principal.kind === 'user' ? jsonTextOf(store, record) : pageTextOf(store, record)
}

const keyBody = bodyBound(limits.pageBodyBytesMax)
/** A body that is longer than any spelling of a value is refused before it is parsed. */
export const valueBody: BodyBound = { ...keyBody, tooLarge: valueTooLarge }

/** POST set_key_value `key`, `value` (JSON text): `null` deletes. */
export function setKeyValue(call: PageCall): Promise<HttpReply> {
  return writing(call, { right: 'use', body: valueBody }, (parameters) => {
    const key = parameters.key()
    const value = parseValue(parameters.jsonText('value'))
    const { text } = value
    return {
      write: { key, text: value.kind === 'null' ? undefined : text },
      reply: `{"key":${JSON.stringify(key)},"value":${text}}`,
    }
  })
}

/** DELETE delete_key_value `key`: succeeds as well if there is no such key. */
export function deleteKeyValue(call: PageCall): Promise<HttpReply> {
  return writing(call, { right: 'delete', body: keyBody }, (parameters) => ({
    write: { key: parameters.key(), text: undefined },
    reply: 'true',
  }))
}

interface Wanted {
  readonly write: Omit<ValueWrite, 'condition' | 'request'>
  /** JSON text. */
  readonly reply: string
}

function writing(
  call: PageCall,
  { right, body }: { right: PageRight; body: BodyBound },
  wantedOf: (parameters: Parameters) => Wanted,
): Promise<HttpReply> {
  const page = pageOf(call, right)
  let read: Promise<Parameters> | undefined
  return answering(call, page, async () => {
    const condition = conditionOf(call)
    const use = { action: 'write', extent: 'some', page } as const
    return inProject(call, use, async (store) => {
      read ??= readParameters(call, body) // the body can be read only once
      const { write, reply } = wantedOf(await store.whileAllowed(read))
      assertKeysInScope(call, store, [write.key])
      const exact = condition && (await exactCondition(condition, store, write.key))
      const request = namedCall(call, page, write)
      const whole = { ...write, condition: exact, request }
      const revision = await doWrite(call, { store, page, write: whole })
      const headers = revision === undefined ? {} : { ETag: tagOf(revision) }
      return withRepetition(jsonReplyOf(reply, headers), request)
    })
  })
}

function doWrite(
  { turns, pairsCap }: PageCall,
  { store, page, write }: { store: Store; page: Page | undefined; write: ValueWrite },
): Promise<number | undefined> {
  const run = async (): Promise<number | undefined> => {
    if (!page) return writeValue(store, write)
    if (page.identity?.project?.rules.length === 0) return writeAsPage(store, page, write)
    return turns.run(`${store.id}/${write.key}`, () => writeAsPage(store, page, write))
  }
  return write.text === undefined ? run() : pairsCap.run(store, [write.key], run)
}

/** GET user_id: the id of the page's user, or a new one. Each project has ids of its own. */
export function getUserId(call: PageCall): Promise<HttpReply> {
  const page = pageOf(call, 'use')
  return answering(call, page, async () => {
    const use = { action: 'read', extent: 'some', page } as const
    return inProject(call, use, async (store) => {
      const asked = page ?? new Page(call, { right: 'use' })
      asked.see(await store.identity())
      const { environment } = call
      return jsonReplyOf(
        JSON.stringify(asked.userIdOrNew(environment) ?? ''),
        asked.userHeaders(environment),
      )
    })
  })
}

function notJson(): PageError {
  const message = 'A page can not read this value: it is not JSON, and was not stored by a page.'
  return new PageError({ status: 400, type: 'VALUE_NOT_JSON' }, message)
}
