import { describe, expect, it } from 'vitest'
import { type RequestHead, readHead } from './request-head.ts'

const plain = 'PUT /a%20b?c=d HTTP/1.1\r\nHost: x:1\r\nContent-Length: 2\r\nX-Other:  a b \r\n\r\n'

describe('the head of a request', () => {
  const read = (text: string): RequestHead | undefined => readHead(Buffer.from(text, 'latin1'))

  it('is read if it is plain', () => {
    expect(read(`${plain}{}`)).toMatchObject({
      method: 'PUT',
      url: '/a%20b?c=d',
      headers: { host: 'x:1', 'content-length': '2', 'x-other': 'a b' },
      bodyStart: plain.length,
      bodyBytes: 2,
    })
  })

  it('may be followed by more than its body', () => {
    expect(read(`${plain}{}GET / HTTP/1.1\r\n`)).toMatchObject({ bodyBytes: 2 })
  })

  it('has no body unless it says so', () => {
    expect(read('POST / HTTP/1.1\r\nHost: x\r\n\r\n')).toMatchObject({ bodyBytes: 0 })
  })

  it('treats names such as `__proto__` like any other', () => {
    const head = read('GET / HTTP/1.1\r\nHost: x\r\n__proto__: y\r\nConstructor:\r\n\r\n')
    expect(Object.entries(head?.headers ?? {})).toEqual([
      ['host', 'x'],
      ['__proto__', 'y'],
      ['constructor', ''],
    ])
  })

  it('reuses the headers of the head before if they are the same', () => {
    const first = read(`${plain}{}`)
    const second = readHead(Buffer.from(plain.replace('/a%20b?c=d', '/e')), first)
    expect(second).toMatchObject({ url: '/e', bodyBytes: 2, bodyStart: plain.length - 8 })
    expect(second?.headers).toBe(first?.headers)
    const other = readHead(Buffer.from(plain.replace('Length: 2', 'Length: 3')), first)
    expect(other).toMatchObject({ bodyBytes: 3 })
  })

  it.each([
    ['nothing', ''],
    ['not all of it', plain.slice(0, -1)],
    ['an empty line in front', `\r\n${plain}`],
    ['HTTP/1.0', plain.replace('HTTP/1.1', 'HTTP/1.0')],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['another method', plain.replace('PUT', 'PROPFIND')],
    ['a method in lower case', plain.replace('PUT', 'put')],
    ['a whole URL', plain.replace('/a%20b', 'http://x/')],
    ['a target without a slash', plain.replace('/a%20b', '*')],
    ['a space in the target', plain.replace('%20', ' ')],
    ['bytes above ASCII in the target', plain.replace('%20', '\xe9')],
    ['two spaces', plain.replace('PUT ', 'PUT  ')],
    ['no host', plain.replace('Host: x:1\r\n', '')],
    ['two hosts', plain.replace('X-Other', 'Host')],
    ['a header twice', plain.replace('\r\n\r\n', '\r\nx-other: c\r\n\r\n')],
    ['a header without a colon', plain.replace('X-Other:', 'X-Other')],
    ['a space in front of the colon', plain.replace('X-Other:', 'X-Other :')],
    ['a space in front of a name', plain.replace('X-Other', ' X-Other')],
    ['a header without a name', plain.replace('X-Other', '')],
    ['a name that is not a token', plain.replace('X-Other', 'X(Other')],
    ['a folded header', plain.replace('a b', 'a\r\n b')],
    ['a line feed alone', plain.replace('a b', 'a\nb')],
    ['a carriage return alone', plain.replace('a b', 'a\rb')],
    ['a NUL', plain.replace('a b', 'a\0b')],
    ['bytes above ASCII in a value', plain.replace('a b', 'a\xe9b')],
    ['a transfer encoding', plain.replace('X-Other', 'Transfer-Encoding')],
    ['an upgrade', plain.replace('X-Other', 'Upgrade')],
    ['an expectation', plain.replace('X-Other', 'Expect')],
    ['a connection to be closed', plain.replace('X-Other:  a b', 'Connection: close')],
    ['a connection with more options', plain.replace('X-Other:  a b', 'Connection: keep-alive, x')],
    ['two lengths', plain.replace('X-Other:  a b', 'content-length: 2')],
    ['a list of lengths', plain.replace('Length: 2', 'Length: 2, 2')],
    ['a length with a sign', plain.replace('Length: 2', 'Length: +2')],
    ['a length that is not a number', plain.replace('Length: 2', 'Length: 0x2')],
    ['an empty length', plain.replace('Length: 2', 'Length: ')],
    ['a length that is large', plain.replace('Length: 2', 'Length: 10000000')],
    ['headers that are large', plain.replace('a b', 'a'.repeat(9_000))],
  ])('is left to `node:http` if it has %s', (_, text) => {
    expect(read(text)).toBeUndefined()
  })

  it.each([
    ['blanks in front of an invalid byte', `X-Other:${' '.repeat(7_900)}\x01`],
    ['tabs in front of an invalid byte', `X-Other:${'\t'.repeat(7_900)}\x80`],
    ['one name that never ends', 'x'.repeat(7_900)],
    ['blanks in front of the colon', `X${' '.repeat(7_900)}: a`],
  ])('is refused as fast as a valid one is read, with %s', (_, line) => {
    const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\n${line}\r\n\r\n`, 'latin1')
    // One pass takes microseconds. A new scan from each byte would take longer than the test may.
    for (let time = 0; time < 3_000; time += 1) readHead(bytes)
    expect(readHead(bytes)).toBeUndefined()
  })
})
