import { describe, expect, it } from 'vitest'
import { TrustedProxies } from './trusted-proxies.ts'

const proxies = new TrustedProxies(['192.0.2.1', '10.0.0.0/8', '2001:db8:1::/48'])

function clientOf(peer: string, headers: Readonly<Record<string, string>>): string {
  return proxies.clientOf(peer, headers)
}

describe('the client behind trusted proxies', () => {
  it.each([
    ['192.0.2.1', '198.51.100.7', '198.51.100.7'],
    ['::ffff:192.0.2.1', '198.51.100.7', '198.51.100.7'],
    ['192.0.2.1', 'forged, 198.51.100.7, 10.1.2.3', '198.51.100.7'],
    ['192.0.2.1', '203.0.113.9,198.51.100.7', '198.51.100.7'],
    ['192.0.2.1', '198.51.100.7:4711', '198.51.100.7'],
    ['192.0.2.1', '2001:db8::7', '2001:db8::7'],
    ['2001:db8:1::5', '[2001:db8::7]:4711', '2001:db8::7'],
    ['192.0.2.1', '::ffff:198.51.100.7', '198.51.100.7'],
    ['192.0.2.1', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['192.0.2.1', 'unknown', '192.0.2.1'],
    ['192.0.2.1', '', '192.0.2.1'],
    ['192.0.2.1', '198.51.100.7, unknown', '192.0.2.1'],
  ])('of %s that says X-Forwarded-For: %s is %s', (peer, value, client) => {
    expect(clientOf(peer, { 'x-forwarded-for': value })).toBe(client)
  })

  // The examples of RFC 7239, section 4.
  it.each([
    ['for="_gazonk"', '192.0.2.1'],
    ['For="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60'],
    ['proto=https;for=192.0.2.60', '192.0.2.60'],
    ['for=192.0.2.43, for=198.51.100.17', '198.51.100.17'],
    ['proto=https', '192.0.2.1'],
  ])('of a proxy that says Forwarded: %s is %s', (value, client) => {
    expect(clientOf('192.0.2.1', { forwarded: value })).toBe(client)
  })

  it('is the other end of the connection if that is no trusted proxy', () => {
    for (const peer of ['192.0.2.2', '127.0.0.1', '2001:db8:2::1', '']) {
      expect(clientOf(peer, { 'x-forwarded-for': '198.51.100.7' })).toBe(peer)
    }
  })
})
