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
    for (const hop of hopsOf(headers).toReversed()) {
      if (!this.#has(client) || hop === undefined) return client
      client = hop
    }
    return client
  }

  #has(text: string): boolean {
    const address = bareAddress(text)
    const version = isIP(address)
    return version !== 0 && this.#networks.check(address, version === 6 ? 'ipv6' : 'ipv4')
  }
}

/** The addresses in the order of the way; undefined for a hop that does not tell its address. */
function hopsOf(headers: IncomingHttpHeaders): readonly (string | undefined)[] {
  const given = headers['x-forwarded-for'] ?? headers.forwarded
  if (given === undefined) return []
  const hops = [given].flat().join(',').split(',')
  return hops.map(headers['x-forwarded-for'] === undefined ? addressOfElement : addressOf)
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
