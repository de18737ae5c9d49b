import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { received, sendRaw } from '../../support/network/raw-connection.ts'
import { useTestStore } from '../../support/network/test-store.ts'

describe('requests with contradictory or invalid headers', () => {
  const { server, storeId, client, keys, putHead } = useTestStore()

  it.each([
    ['two equal lengths', 'Content-Length: 4\r\nContent-Length: 4'],
    ['two lengths in one', 'Content-Length: 4, 4'],
    ['a length with a sign', 'Content-Length: +4'],
    ['a length in hexadecimal', 'Content-Length: 0x4'],
    ['an empty length', 'Content-Length: '],
    ['a length beyond all numbers', `Content-Length: ${'9'.repeat(40)}`],
    ['chunks and then a length', 'Transfer-Encoding: chunked\r\nContent-Length: 4'],
    ['chunks that are not the last encoding', 'Transfer-Encoding: chunked, gzip'],
    ['chunks by another name', 'Transfer-Encoding: xchunked'],
    ['a space before the colon', 'Content-Length : 4'],
    ['a bare line feed in a content type', 'Content-Type: text/plain\nX-Sneaked: 1'],
    ['a bare carriage return in a content type', 'Content-Type: text/plain\rX-Sneaked: 1'],
    ['a zero byte in a content type', 'Content-Type: text/plain\0'],
  ])('refuses %s, and closes the connection', async (_, headers) => {
    const length = /length|transfer/i.test(headers) ? [] : ['Content-Length: 4']
    const reply = await sendRaw(
      server.url(),
      [`${putHead('LIE', [headers, ...length])}four`],
      'stay',
    )
    expect(reply).toMatch(/^HTTP\/1\.1 4\d\d .*"type":"invalid-request"/s)
    expect(reply).not.toContain('X-Sneaked')
    expect(await keys()).toEqual([])
  })

  it.each(['zz\r\nfour\r\n0\r\n\r\n', '-4\r\nfour\r\n0\r\n\r\n', '5\r\nfour\r\n0\r\n\r\n'])(
    'stores nothing of invalid chunks: %j',
    async (chunks) => {
      const head = putHead('CHUNKS', ['Transfer-Encoding: chunked', 'Connection: close'])
      await sendRaw(server.url(), [head + chunks], 'end')
      expect(await keys()).toEqual([])
    },
  )

  it('refuses an escaped line break in a content type', async () => {
    for (const contentType of ['text/plain%0d%0aX-Sneaked: 1', 'text/plain\\r\\nX-Sneaked: 1']) {
      const head = putHead('TYPE', [`Content-Type: ${contentType}`, 'Content-Length: 1'])
      const reply = await sendRaw(server.url(), [`${head}x`], 'end')
      expect(reply, contentType).toMatch(/^HTTP\/1\.1 400 .*"type":"invalid-content-type-header"/s)
    }
    expect(await keys()).toEqual([])
  })

  it('never sends a header that was injected through a name or a query', async () => {
    const lines = [
      'Host: localhost',
      `Authorization: Bearer ${server.token()}`,
      'Connection: close',
    ]
    const path = `/v2/key-value-stores?name=host%0d%0aX-Sneaked:1&x=%0d%0aX-Sneaked:%201`
    const request = `POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`
    const reply = await sendRaw(server.url(), [request], 'stay')
    expect(reply).toMatch(/^HTTP\/1\.1 400 .*"type":"invalid-value"/s)
    expect(reply.split('\r\n\r\n')[0]).not.toContain('X-Sneaked')
  })

  it('separates the second request of a connection from the body of the first', async () => {
    const body = `DELETE /v2/key-value-stores/${storeId()} HTTP/1.1\r\n\r\n`
    const first = putHead('FIRST', [`Content-Length: ${body.length}`])
    const second = putHead('SECOND', ['Content-Length: 2', 'Connection: close'])
    const replies = await sendRaw(server.url(), [`${first}${body}${second}ok`], 'stay')
    expect(replies.match(/HTTP\/1\.1 201 /g)).toHaveLength(2)
    const record = await client().getRecord('FIRST', { buffer: true })
    expect(String(record?.value)).toBe(body)
    for (const key of await keys()) {
      await client().deleteRecord(key)
    }
  })

  it('accepts a slow upload byte by byte, with a length and in chunks', async () => {
    const slowly = async (
      key: string,
      header: string,
      parts: readonly string[],
    ): Promise<string> => {
      const { hostname, port } = new URL(server.url())
      const socket = connect(Number(port), hostname)
      const reply = received(socket)
      socket.write(putHead(key, [header, 'Content-Type: text/plain', 'Connection: close']))
      for (const part of parts) {
        await sleep(20)
        socket.write(part)
      }
      return reply
    }
    const chunks = [...'slowly'].map((byte) => `1\r\n${byte}\r\n`)
    const replies = await Promise.all([
      slowly('LENGTH', 'Content-Length: 6', [...'slowly']),
      slowly('CHUNKED', 'Transfer-Encoding: chunked', [...chunks, '0\r\n\r\n']),
    ])
    for (const reply of replies) expect(reply).toMatch(/^HTTP\/1\.1 201 /)
    for (const key of ['LENGTH', 'CHUNKED']) {
      const record = await client().getRecord(key)
      expect(record?.value, key).toBe('slowly')
    }
  })

  it('never shows a part of an upload, while it stands still or after it breaks off', async () => {
    const { hostname, port } = new URL(server.url())
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    socket.write(putHead('STALLED', ['Content-Length: 3000000']))
    socket.write(Buffer.alloc(2_500_000))
    await sleep(100)
    expect(await keys()).not.toContain('STALLED')
    socket.destroy()
    await sleep(50)
    expect(await keys()).not.toContain('STALLED')
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })
})
