import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP, isIPv6 } from 'node:net'

/**
 * The proxies whose word counts. A proxy adds the address that it sees to `X-Forwarded-For`, or to
 * `Forwarded` (RFC 7239), behind whatever the client wrote there.
 */
export class TrustedProxies {
  readonly #networks = new BlockList()

  /** Addresses, and networks such as `10.0.0.0/8`. */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', length] = network.split('/')
      const family = isIPv6(address) ? 'ipv6' : 'ipv4'
      if (length === undefined) this.#networks.addAddress(address, family)
      else this.#networks.addSubnet(address, Number(length), family)
    }
  }

  /**
   * The address of the client behind these proxies: the last one on the way that is no proxy of
   * ours. `peer` is the other end of the connection.
   */
  clientOf(peer: string, headers: IncomingHttpHeaders): string {
    let client = peer
    if (!this.#has(client)) return client
    for (const hop of hopsFromEnd(headers)) {
      if (hop === undefined) return client
      client = hop
      if (!this.#has(client)) return client
    }
    return client
  }

  #has(text: string): boolean {
    const address = bareAddress(text)
    const version = isIP(address)
    return version !== 0 && this.#networks.check(address, version === 6 ? 'ipv6' : 'ipv4')
  }
}

/**
 * The addresses of the way, the last one first; undefined for a hop that does not tell its address.
 */
function* hopsFromEnd(headers: IncomingHttpHeaders): Generator<string | undefined> {
  const given = headers['x-forwarded-for'] ?? headers.forwarded
  if (given === undefined) return
  const addressIn = headers['x-forwarded-for'] === undefined ? addressOfElement : addressOf
  const hops = [given].flat().join(',')
  let end = hops.length
  while (end >= 0) {
    const comma = end === 0 ? -1 : hops.lastIndexOf(',', end - 1)
    yield addressIn(hops.slice(comma + 1, end))
    end = comma
  }
}

/** The address of an element of `Forwarded`, such as `for="[2001:db8::1]:4711";proto=https`. */
function addressOfElement(element: string): string | undefined {
  const [, , quoted, plain] = /(^|;)\s*for=(?:"([^"]*)"|([^;,\s]*))/i.exec(element) ?? []
  return addressOf(quoted ?? plain ?? '')
}

/** Without brackets and port. */
function addressOf(text: string): string | undefined {
  const trimmed = text.trim()
  const [, inBrackets] = /^\[([^\]]*)\](?::\d+)?$/.exec(trimmed) ?? []
  const address = bareAddress(inBrackets ?? trimmed.replace(/^([\d.]+):\d+$/, '$1'))
  return isIP(address) === 0 ? undefined : address
}

/** Removes the prefix that an IPv6 socket puts before an IPv4 address. */
function bareAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
