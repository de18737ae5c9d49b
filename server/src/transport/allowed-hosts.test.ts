import { describe, expect, it } from 'vitest'
import { AllowedHosts, hostNameOf } from './allowed-hosts.ts'

const names = ['store.example.com', '[fd00::1]']

function statusOf(hosts: AllowedHosts, host: string | undefined, url = '/'): number | undefined {
  return hosts.refusalOf({ headers: host === undefined ? {} : { host }, url })?.status
}

describe('the host of a Host header', () => {
  it.each([
    ['localhost', 'localhost'],
    ['LocalHost:8288', 'localhost'],
    ['localhost.', 'localhost'],
    ['localhost.:8288', 'localhost'],
    ['localhost:', 'localhost'],
    ['127.0.0.1:1', '127.0.0.1'],
    ['my_store-1.example', 'my_store-1.example'],
    ['[::1]', '[::1]'],
    ['[::1]:8288', '[::1]'],
    ['[0:0:0:0:0:0:0:1]', '[::1]'],
    ['[FD00::A]', '[fd00::a]'],
    ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
  ])('%s is %s', (authority, name) => {
    expect(hostNameOf(authority)).toBe(name)
  })

  it.each([
    '',
    ':8288',
    '.',
    '.localhost',
    'a..b',
    'localhost..',
    'local host',
    'localhost:port',
    'localhost:123456',
    'localhost:1:2',
    'localhost/path',
    'user@localhost',
    'localhost,evil.example',
    'évil.example',
    '*',
    'x"y<z>',
    '::1',
    '[::1',
    '[]',
    '[:::1]',
    '[::1].',
    '[fe80::1%25eth0]',
    '[evil.example]',
    'localhost\n',
    'k'.repeat(261),
  ])('%j is not valid', (authority) => {
    expect(hostNameOf(authority)).toBeUndefined()
  })
})

describe('a server on loopback', () => {
  const hosts = new AllowedHosts({ names, takesLoopback: true })

  it.each([
    undefined,
    'localhost',
    'LOCALHOST:8288',
    'a.localhost',
    'a.b.localhost:1',
    '127.0.0.1',
    '127.255.0.9:8288',
    '[::1]:8288',
    'store.example.com',
    'STORE.example.com.:443',
    '[FD00:0::1]:8288',
  ])('accepts %s', (host) => {
    // The second time it is remembered.
    expect([statusOf(hosts, host), statusOf(hosts, host)]).toEqual([undefined, undefined])
  })

  it.each([
    'evil.example',
    'localhost.evil.example',
    'evillocalhost',
    '127.0.0.1.evil.example',
    '127.0.0.999',
    '127.1',
    '128.0.0.1',
    '0.0.0.0',
    '[::2]',
    '[::ffff:127.0.0.1]',
    'other.example.com',
    'a.store.example.com',
  ])('refuses %s', (host) => {
    expect([statusOf(hosts, host), statusOf(hosts, host)]).toEqual([421, 421])
  })

  it('refuses an invalid host', () => {
    expect(statusOf(hosts, '')).toBe(400)
    expect(statusOf(hosts, 'x"y<z>')).toBe(400)
  })

  it('also checks a target that is a whole URL', () => {
    expect(statusOf(hosts, 'localhost', 'http://localhost:8288/path')).toBeUndefined()
    expect(statusOf(hosts, 'localhost', '/http://evil.example/')).toBeUndefined()
    expect(statusOf(hosts, 'localhost', '*')).toBeUndefined()
    expect(statusOf(hosts, 'localhost', 'HTTP://evil.example')).toBe(421)
    expect(statusOf(hosts, 'evil.example', 'http://localhost/path')).toBe(421)
    expect(statusOf(hosts, undefined, 'https://evil.example?a=/b')).toBe(421)
    expect(statusOf(hosts, 'localhost', 'http://localhost@evil.example/')).toBe(400)
  })

  it('gives the same answers after many other names', () => {
    for (let index = 0; index < 1_000; index += 1) {
      expect(statusOf(hosts, `name-${index}.localhost`)).toBeUndefined()
      expect(statusOf(hosts, `name-${index}.example`)).toBe(421)
    }
    expect(statusOf(hosts, 'localhost')).toBeUndefined()
    expect(statusOf(hosts, 'evil.example')).toBe(421)
  })

  it('says what the operator can do', () => {
    const refusal = hosts.refusalOf({ headers: { host: 'Evil.Example:1' } })
    expect(refusal?.message).toMatch(/--allowed-hosts evil\.example$/)
    expect(refusal?.type).toBe('misdirected-request')
  })
})

describe('a server beyond loopback with a list of names', () => {
  const hosts = new AllowedHosts({ names, takesLoopback: false })

  it('accepts only the names on the list', () => {
    expect(statusOf(hosts, 'store.example.com:8288')).toBeUndefined()
    expect(statusOf(hosts, undefined)).toBeUndefined()
    for (const host of ['localhost', 'a.localhost', '127.0.0.1', '[::1]', 'evil.example']) {
      expect(statusOf(hosts, host), host).toBe(421)
    }
  })
})

describe('a server that goes by every name', () => {
  const hosts = new AllowedHosts({ names: undefined, takesLoopback: true })

  it('accepts every host, and refuses what is none (RFC 9112, 3.2)', () => {
    for (const host of ['any.example', 'localhost:1', '[::2]', undefined]) {
      expect(statusOf(hosts, host)).toBeUndefined()
    }
    for (const host of ['', 'a b', 'a, b', 'x@a']) expect(statusOf(hosts, host), host).toBe(400)
  })
})
