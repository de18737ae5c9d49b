import { answerBytesMax } from '../http/bounds.ts'
import type { Caller } from '../http/caller.ts'
import { notUnderstood } from '../http/errors.ts'
import type { CoatcheckRequest } from '../http/request.ts'
import type { JsonValue } from '../json/json.ts'
import { memberOf } from '../json/json-value.ts'

/** The `data` of an answer `{"data": ...}`; undefined for an empty one. Rejects as `callWith`. */
export function askData(caller: Caller, request: CoatcheckRequest): Promise<JsonValue | undefined> {
  return caller.callWith(request, async (answer) => {
    if (answer.status !== 204) return dataOf(await answer.json(answerBytesMax))
    answer.discard()
    return undefined
  })
}

/** Throws CoatcheckError `answer-not-understood`. */
export function dataOf(body: JsonValue): JsonValue {
  const data = memberOf(body, 'data')
  if (data !== undefined) return data
  throw notUnderstood(200, 'The server sent an answer without data.')
}

/** A request whose body is JSON. */
export function jsonRequest(request: CoatcheckRequest, body: string): CoatcheckRequest {
  const headers = { 'Content-Type': 'application/json', ...request.headers }
  return { ...request, headers, body }
}
