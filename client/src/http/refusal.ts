import type { Answer } from './answer.ts'
import { errorBytesMax } from './bounds.ts'
import { CoatcheckError, notUnderstood } from './errors.ts'

/** The error that an answer with a status from 300 on stands for. */
export async function refusalOf(answer: Answer): Promise<CoatcheckError> {
  const { status } = answer
  const retryAfterMs = retryAfterOf(answer.header('retry-after'))
  if (status < 400) {
    answer.discard()
    return notUnderstood(status, "The server names another address: use that as the client's url.")
  }
  const { type, message } = await errorOf(answer)
  if (type !== undefined) {
    const isStore = type === 'record-not-found' && message.startsWith('Key-value Store')
    return new CoatcheckError(message, {
      status,
      type: isStore ? 'store-not-found' : type,
      retryAfterMs,
    })
  }
  const who = 'The server, or a proxy in front of it,'
  const what = `${who} answered with status ${status} and gave no reason.`
  return new CoatcheckError(what, { status, type: 'answer-not-understood', retryAfterMs })
}

interface SentError {
  readonly type: string | undefined
  readonly message: string
}

/** What `{"error": {"type", "message"}}` says; nothing if the body is something else. */
async function errorOf(answer: Answer): Promise<SentError> {
  const body = await jsonOf(answer)
  const error = partOf(body, 'error')
  const type = partOf(error, 'type')
  const message = partOf(error, 'message')
  return {
    type: typeof type === 'string' ? type : undefined,
    message: typeof message === 'string' ? message : `The server answered with ${answer.status}.`,
  }
}

async function jsonOf(answer: Answer): Promise<unknown> {
  try {
    return await answer.json(errorBytesMax)
  } catch (error) {
    // The status alone has to do, whatever became of the body. A caller that stops must not wait.
    if (error instanceof CoatcheckError) return undefined
    throw error
  }
}

function partOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** In milliseconds. Seconds or a date (RFC 9110, 10.2.3); undefined for anything else. */
function retryAfterOf(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}
