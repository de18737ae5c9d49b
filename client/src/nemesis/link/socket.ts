import { NemesisConnectionError } from '../answers/errors.ts'
import { likelyCauses } from './likely-causes.ts'

/** The properties of a WebSocket's events. */
export interface SocketEvent {
  readonly type: string
  readonly data?: unknown
  readonly code?: number
  readonly reason?: string
  readonly message?: string
}

/** A WebSocket as browsers, Node and `ws` have it. */
export interface WebSocketLike {
  /** What was not sent yet. */
  readonly bufferedAmount?: number
  /** Ends it without waiting for the other side, as that of `ws` can. */
  terminate?(): void
  send(data: string): void
  close(): void
  addEventListener(type: string, listener: (event: SocketEvent) => void): void
}

export type WebSocketConstructor = new (url: string) => WebSocketLike

export interface SocketOptions {
  /** Includes the API token. */
  readonly url: URL
  readonly WebSocket: WebSocketConstructor
  readonly signal?: AbortSignal | undefined
  /** How long the server may take for the handshake. */
  readonly timeoutMs: number
  onOpen(socket: WebSocketLike): void
  onMessage(socket: WebSocketLike, data: unknown): void
  /** Called only for a socket that was open. */
  onClose(socket: WebSocketLike, why: string): void
}

/** Rejects with `signal.reason`, or with NemesisConnectionError if the connection fails. */
export function openSocket(options: SocketOptions): Promise<void> {
  const { url, WebSocket, signal, timeoutMs } = options
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const socket = new WebSocket(url.href)
    let isOpen = false
    let isGivenUp = false
    let cause = ''
    const giveUp = (error: unknown): void => {
      isGivenUp = true
      settled()
      reject(error)
      socket.close()
    }
    const abort = (): void => giveUp(signal?.reason)
    const late = `the server did not answer within ${timeoutMs} ms`
    const timer = setTimeout(() => giveUp(noConnection(url, late)), timeoutMs)
    const settled = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    signal?.addEventListener('abort', abort, { once: true })
    socket.addEventListener('open', () => {
      settled()
      if (isGivenUp) return
      isOpen = true
      // Called directly: with `ws`, messages may come before code that awaits a promise runs.
      options.onOpen(socket)
      resolve()
    })
    socket.addEventListener('error', ({ message = '' }) => {
      cause = message
    })
    socket.addEventListener('message', ({ data }) => options.onMessage(socket, data))
    socket.addEventListener('close', ({ code = 1006, reason = '' }) => {
      settled()
      const why = [`code ${code}`, reason, cause].filter((part) => part !== '').join(', ')
      if (isOpen) options.onClose(socket, why)
      else reject(noConnection(url, why))
    })
  })
}

function noConnection(url: URL, why: string): NemesisConnectionError {
  const what = `No connection to ${shown(url)}: ${why.replace(/\.$/, '')}.`
  return new NemesisConnectionError(`${what} ${likelyCauses({ url, why })}`, 'not-sent')
}

/** Without the token, which is a secret. */
function shown({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`
}
