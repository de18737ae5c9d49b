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
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        patience.hold()
        const { done, value } = await reader.read()
        if (!patience.signal.aborted) patience.resume()
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
