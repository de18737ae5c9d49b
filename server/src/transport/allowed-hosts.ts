import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'
import { LRUCache } from 'lru-cache'
import { limits } from '../core/kernel/limits.ts'
import { authorityOf } from './incoming-request.ts'
import type { Refusal } from './refusal.ts'

/** The host names that a server accepts. */
export interface HostNames {
  /** As `hostNameOf` spells them. Undefined: every name. */
  readonly names: readonly string[] | undefined
  /** True: it also accepts the names by which every machine reaches itself, such as `localhost`. */
  readonly takesLoopback: boolean
}

/** The parts of a request that name its host. */
type RequestTarget = Pick<IncomingMessage, 'headers' | 'url'>

/**
 * Keeps out web pages that reach a server on this machine by DNS rebinding: their domain then
 * resolves to the server's address, but the `Host` header of the browser still names their domain.
 */
export class AllowedHosts {
  readonly #names: Set<string> | undefined
  readonly #takesLoopback: boolean
  /** Accepted `Host` headers as they were sent: clients repeat them with every request. */
  readonly #accepted = new LRUCache<string, true>({ max: limits.acceptedHostsMax })

  constructor({ names, takesLoopback }: HostNames) {
    this.#names = names && new Set(names)
    this.#takesLoopback = takesLoopback
  }

  /** Adds a name that is known only once the server listens. */
  add(name: string): void {
    this.#names?.add(name)
  }

  /** The refusal of a request that is meant for another server; undefined: the request may pass. */
  refusalOf({ headers, url = '/' }: RequestTarget): Refusal | undefined {
    return this.#refusalOf(headers.host) ?? this.#refusalOf(authorityOf(url))
  }

  #refusalOf(authority: string | undefined): Refusal | undefined {
    // A request without a host may pass: browsers always name one.
    if (authority === undefined || this.#accepted.get(authority)) return undefined
    const name = hostNameOf(authority)
    // RFC 9112, 3.2: an invalid Host is refused, also by a server that goes by every name.
    if (name === undefined) return invalidHost
    if (!this.#goesBy(name)) return misdirected(name)
    this.#accepted.set(authority, true)
    return undefined
  }

  #goesBy(name: string): boolean {
    return !this.#names || this.#names.has(name) || (this.#takesLoopback && isLoopbackName(name))
  }
}

/**
 * The host of `host:port` as URLs spell it: in lower case, without the port and the dot of the
 * root. Undefined if it is not a valid host.
 */
export function hostNameOf(authority: string): string | undefined {
  if (authority.length > limits.hostLengthMax) return undefined
  const pattern = /^(?:(\[[\da-f:.]+\])|([\w-]+(?:\.[\w-]+)*)\.?)(?::\d{0,5})?$/i
  const [, address, name] = pattern.exec(authority) ?? []
  if (address === undefined) return name?.toLowerCase()
  const url = `http://${address}`
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

/** Names that resolvers and browsers never look up in the DNS (RFC 6761, 6.3). */
export function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost') || name === '[::1]') return true
  return isIPv4(name) && name.startsWith('127.')
}

const invalidHost = {
  status: 400,
  type: 'invalid-request',
  message: 'The host of the request is not valid.',
} as const

function misdirected(name: string): Refusal {
  const advice = `If that is one of its names, start it with --allowed-hosts ${name}`
  const message = `This server does not accept requests for ${name}. ${advice}`
  return { status: 421, type: 'misdirected-request', message }
}

/** Whether only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  return /^localhost$/i.test(host) || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
