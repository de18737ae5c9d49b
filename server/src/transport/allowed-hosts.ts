import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'
import { LRUCache } from 'lru-cache'
import { authorityOf } from './incoming-request.ts'
import { type TextReply, textReply } from './text-reply.ts'

/** Which names a server goes by. */
export interface HostNames {
  /** As `hostNameOf` spells them. */
  readonly names: readonly string[]
  /** True: also by every name that means the machine itself, wherever it is asked for. */
  readonly takesLoopback: boolean
}

/** Where a request is sent. */
type RequestTarget = Pick<IncomingMessage, 'headers' | 'url'>

/** Host headers that were accepted, of which a server sees one or two. */
const acceptedMax = 16
/** A domain name has 253 characters at most, an IPv6 address fewer. */
const authorityLengthMax = 253 + '.:65535'.length

/**
 * Keeps web pages out that reach a server on this machine by DNS rebinding: their domain leads to
 * its address then, but the `Host` that their browser sends still names their domain.
 */
export class AllowedHosts {
  readonly #names: Set<string>
  readonly #takesLoopback: boolean
  /** As they were sent: clients repeat them with every request. */
  readonly #accepted = new LRUCache<string, true>({ max: acceptedMax })

  constructor({ names, takesLoopback }: HostNames) {
    this.#names = new Set(names)
    this.#takesLoopback = takesLoopback
  }

  /** One more name, which is known only once the server listens. */
  add(name: string): void {
    this.#names.add(name)
  }

  /** What a request is answered that is meant for another server; undefined: it may pass. */
  refusalOf({ headers, url = '/' }: RequestTarget): TextReply | undefined {
    return this.#refusalOf(headers.host) ?? this.#refusalOf(authorityOf(url))
  }

  #refusalOf(authority: string | undefined): TextReply | undefined {
    // Browsers always name a host.
    if (authority === undefined || this.#accepted.get(authority)) return undefined
    const name = hostNameOf(authority)
    if (name === undefined) return textReply(400, 'The request names no host that can be one.')
    if (!this.#goesBy(name)) return misdirected(name)
    this.#accepted.set(authority, true)
    return undefined
  }

  #goesBy(name: string): boolean {
    return this.#names.has(name) || (this.#takesLoopback && isLoopbackName(name))
  }
}

/**
 * The host of `host:port`, as URLs spell it: in lower case, without the port and the dot of the
 * root. Undefined where it names none.
 */
export function hostNameOf(authority: string): string | undefined {
  if (authority.length > authorityLengthMax) return undefined
  const pattern = /^(?:(\[[\da-f:.]+\])|([\w-]+(?:\.[\w-]+)*)\.?)(?::\d{0,5})?$/i
  const [, address, name] = pattern.exec(authority) ?? []
  if (address === undefined) return name?.toLowerCase()
  const url = `http://${address}`
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

/** What resolvers and browsers never take from the DNS (RFC 6761, 6.3). */
function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost') || name === '[::1]') return true
  return isIPv4(name) && name.startsWith('127.')
}

function misdirected(name: string): TextReply {
  const advice = `If that is one of its names, start it with --allowed-hosts ${name}`
  return textReply(421, `This server does not go by ${name}. ${advice}`)
}

/** Of an address to listen on: whether this machine alone can reach it. */
export function isLoopback(host: string): boolean {
  return /^localhost$/i.test(host) || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
