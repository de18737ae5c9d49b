import type { Answer } from '../../../../client/src/http/answer.ts'
import { Caller } from '../../../../client/src/http/caller.ts'
import type { CoatcheckRequest } from '../../../../client/src/http/request.ts'
import { asking } from './ask.ts'
import { serverUrl } from './server-url.ts'
import { session } from './session.ts'

/**
 * A request whose headers matter, as ranges and conditions. `read` takes the answer, whose status
 * is below 300. Rejects with CoatcheckError.
 */
export function calling<T>(
  request: CoatcheckRequest,
  read: (answer: Answer) => Promise<T>,
): Promise<T> {
  const { token } = session
  const caller = new Caller({ url: serverUrl, token, retries: 0, timeoutMs: 15_000 })
  return asking(() => caller.callWith(request, read))
}
