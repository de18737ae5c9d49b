import { CoatcheckError } from '../../../../client/src/http/errors.ts'
import type { JsonValue } from '../../../../client/src/json/json.ts'
import type {
  ApiCallOptions,
  CoatcheckClient,
} from '../../../../client/src/stores/coatcheck-client.ts'
import { noteOutcome } from './connection.ts'
import { session } from './session.ts'

/** Calls the API with the token of the session. Rejects with CoatcheckError. */
export function ask(
  method: string,
  path: string,
  options: ApiCallOptions = {},
): Promise<JsonValue | undefined> {
  return asking((client) => client.api(method, path, options))
}

/**
 * Runs a call of the client. If the server refuses the token, the sign-in comes over the page. If
 * it is silent, the banner says so. Rejects as the call does.
 */
export async function asking<T>(call: (client: CoatcheckClient) => Promise<T>): Promise<T> {
  const { token, client } = session
  try {
    const result = await call(client)
    noteOutcome()
    return result
  } catch (error) {
    noteOutcome(error)
    if (error instanceof CoatcheckError && error.status === 401) session.expire(token)
    throw error
  }
}

/** The sentence of an error for the user. */
export function sentenceOf(error: unknown): string {
  if (error instanceof CoatcheckError && error.status === 0) return 'No answer from the server.'
  return error instanceof Error ? error.message : String(error)
}
