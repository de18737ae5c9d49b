import type { Patience } from './patience.ts'
import type { SentBody } from './request.ts'

/** What `fetch` is given to send a body. */
export interface Sendable {
  readonly body?: SentBody
  readonly duplex?: 'half'
}

/**
 * How a body is sent. Browsers send streams only over HTTP/2 with TLS, if at all: there, all of a
 * stream is collected first, in a Blob, which the browser may keep on its disk. Rejects as
 * `Patience.untilEnd`, and with the error of the stream.
 */
export async function sendableOf(
  body: SentBody | undefined,
  patience: Patience,
): Promise<Sendable> {
  if (body === undefined) return {}
  if (!(body instanceof ReadableStream)) return { body }
  if (isBrowser()) return { body: await patience.untilEnd(new Response(body).blob()) }
  return { body: patient(body, patience), duplex: 'half' }
}

/** The same stream. The time in which its source has nothing does not count as the server's. */
function patient(
  source: ReadableStream<Uint8Array>,
  patience: Patience,
): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  const stop = (): void => void reader.cancel(patience.signal.reason).catch(() => undefined)
  patience.signal.addEventListener('abort', stop, { once: true })
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        // fetch may go on reading after its end, to nowhere.
        patience.signal.throwIfAborted()
        patience.hold()
        const { done, value } = await patience.untilEnd(reader.read())
        patience.resume()
        if (done) {
          controller.close()
          return
        }
        patience.moved(value.byteLength)
        controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // Asked for a piece only when the network takes one.
    { highWaterMark: 0 },
  )
}

function isBrowser(): boolean {
  return 'document' in globalThis || 'WorkerGlobalScope' in globalThis
}
