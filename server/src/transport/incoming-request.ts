import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type ByteSource, WholeSource } from '../core/kernel/byte-source.ts'
import type { Bytes } from '../core/kernel/bytes.ts'
import type { BodyHold } from './bounds/body-hold.ts'
import type { HttpRequest } from './exchange.ts'
import { IncomingBody } from './incoming-body.ts'
import type { TrustedProxies } from './proxies/trusted-proxies.ts'
import type { UpgradeRequest } from './socket-exchange.ts'

/** The parts of a request's head that are read here, whoever parsed it. */
export interface RequestMessage {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly socket: Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress'>
}

/** A view of a request. It computes values that most requests never need only on demand. */
abstract class RequestView {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly #message: RequestMessage
  readonly #publicUrl: string | undefined
  readonly #proxies: TrustedProxies | undefined
  #peer: string | undefined

  constructor(message: RequestMessage, publicUrl: string | undefined, proxies?: TrustedProxies) {
    const url = originForm(message.url ?? '/')
    const mark = url.indexOf('?')
    this.method = message.method ?? 'GET'
    this.path = mark < 0 ? url : url.slice(0, mark)
    this.query = mark < 0 ? '' : url.slice(mark + 1)
    this.#message = message
    this.#publicUrl = publicUrl
    this.#proxies = proxies
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  get baseUrl(): string {
    if (this.#publicUrl !== undefined) return this.#publicUrl
    const { headers, socket, url = '/' } = this.#message
    // RFC 9112, 3.2.2: a target that is a whole URL counts more than the header.
    const host = authorityOf(url) ?? headers.host
    return `http://${host ?? `${hostOf(socket.localAddress ?? '')}:${socket.localPort}`}`
  }

  get peer(): string {
    this.#peer ??= peerOf(this.#message, this.#proxies)
    return this.#peer
  }

  get isForwarded(): boolean {
    return Object.keys(this.#message.headers).some(isOfProxy)
  }
}

/** See `HttpRequest.peer`. */
export function peerOf(
  { headers, socket }: RequestMessage,
  proxies: TrustedProxies | undefined,
): string {
  const peer = socket.remoteAddress ?? ''
  return proxies ? proxies.clientOf(peer, headers) : peer
}

/** A request whose body is read while it is taken. */
export class IncomingRequest extends RequestView implements HttpRequest {
  readonly #stream: IncomingMessage
  readonly #onBodyWanted: (() => void) | undefined
  #body: IncomingBody | undefined
  #hold: BodyHold | undefined

  /** `onBodyWanted` is called when somebody asks for the first bytes of the body. */
  constructor(
    message: IncomingMessage,
    publicUrl: string | undefined,
    proxies?: TrustedProxies,
    onBodyWanted?: () => void,
  ) {
    super(message, publicUrl, proxies)
    this.#stream = message
    this.#onBodyWanted = onBodyWanted
  }

  get body(): ByteSource {
    if (!this.#body) {
      this.#body = new IncomingBody(this.#stream, this.#onBodyWanted)
      this.#body.holdIn(this.#hold)
    }
    return this.#body
  }

  /** Bounds what is held of the body. To be called before the body is used. */
  holdBodyIn(hold: BodyHold): void {
    this.#hold = hold
  }

  countFor(owner: string): void {
    this.#hold?.countFor(owner)
  }
}

/** A request that has arrived completely. */
export class WholeRequest extends RequestView implements HttpRequest {
  readonly body: ByteSource

  constructor(
    message: RequestMessage,
    bytes: Bytes,
    {
      publicUrl,
      proxies,
    }: { publicUrl?: string | undefined; proxies?: TrustedProxies | undefined },
  ) {
    super(message, publicUrl, proxies)
    this.body = new WholeSource(bytes)
  }
}

/** A handshake of a WebSocket. */
export class IncomingUpgrade extends IncomingRequest implements UpgradeRequest {
  get origin(): string | undefined {
    return this.header('origin')
  }
}

/** Whether only proxies, load balancers and content delivery networks send this header. */
function isOfProxy(name: string): boolean {
  return name.startsWith('x-forwarded') || proxyHeaders.includes(name)
}

const proxyHeaders: readonly string[] = [
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-forwarded-for',
  'x-original-host',
  'x-envoy-external-address',
  'x-proxyuser-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-ray',
  'fly-client-ip',
  'fastly-client-ip',
]

/** An address as URLs write it. */
export function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

/** The host and port of a target that is a whole URL; undefined for any other target. */
export function authorityOf(target: string): string | undefined {
  if (target.startsWith('/')) return undefined
  return /^https?:\/\/([^/?#]*)/i.exec(target)?.[1]
}

/** Proxies may send the whole URL, which means the same (RFC 9112, 3.2.2). */
function originForm(target: string): string {
  if (target.startsWith('/') || !/^https?:\/\//i.test(target)) return target
  const slash = target.indexOf('/', 'https://'.length)
  return slash < 0 ? '/' : target.slice(slash)
}
