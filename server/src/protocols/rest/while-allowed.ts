import type { Bytes } from '../../core/kernel/bytes.ts'
import type { Store } from '../../core/stores/store.ts'
import type { HttpReply } from '../../transport/exchange.ts'

/**
 * Makes a streamed reply end when its caller loses the right to read the store. Disposes of
 * `needed`, which the body needs, at the end of the body.
 */
export function whileAllowed(reply: HttpReply, store: Store, needed?: Disposable): HttpReply {
  const { body } = reply
  if (typeof body === 'string' || body instanceof Uint8Array) {
    needed?.[Symbol.dispose]()
    return reply
  }
  const use = store.beginUse()
  const held = needed ? ending(body, needed) : body
  return { ...reply, body: ending(held, use), signal: use.signal }
}

/** Ends the use when the body ends, even if nothing of it was read. */
export function ending(body: AsyncIterable<Bytes>, use: Disposable): AsyncIterable<Bytes> {
  return {
    [Symbol.asyncIterator]: () => {
      const parts = body[Symbol.asyncIterator]()
      return {
        next: async () => {
          const part = await parts.next().catch((error) => endWith(use, error))
          if (part.done) use[Symbol.dispose]()
          return part
        },
        return: async () => {
          use[Symbol.dispose]()
          return (await parts.return?.()) ?? { value: undefined, done: true }
        },
      }
    },
  }
}

function endWith(use: Disposable, error: unknown): never {
  use[Symbol.dispose]()
  throw error
}
