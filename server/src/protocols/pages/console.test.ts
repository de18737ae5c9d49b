import { describe, expect, it } from 'vitest'
import { WholeSource } from '../../core/kernel/byte-source.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { createConsoleDoor, isConsolePath } from './console.ts'

const html = { contentType: 'text/html; charset=utf-8', bytes: Buffer.from('<p>console') }
const script = { contentType: 'text/javascript; charset=utf-8', bytes: Buffer.from('alert(1)') }
const files: Readonly<Record<string, typeof html>> = {
  'home/index.html': html,
  'home/console/main-1a.js': script,
}

function ask(path: string, read = (name: string) => files[name]): Promise<HttpReply> {
  return createConsoleDoor(read)({
    method: 'GET',
    path,
    query: '',
    header: () => undefined,
    baseUrl: 'http://test',
    peer: '127.0.0.1',
    isForwarded: false,
    body: new WholeSource(Buffer.alloc(0)),
  })
}

describe('the console', () => {
  it('is at / alone, and its files are below /console/', () => {
    expect(['/', '/console/x.js'].map(isConsolePath)).toEqual([true, true])
    expect(['/v2', '/consoles', '/console'].map(isConsolePath)).toEqual([false, false, false])
  })

  it('may run only scripts of this server, and stand in no frame', async () => {
    const { status, headers, body } = await ask('/')
    expect([status, body]).toEqual([200, html.bytes])
    const policy = String(headers['Content-Security-Policy'])
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
  })

  it('has files that browsers keep, and no others', async () => {
    const { status, headers } = await ask('/console/main-1a.js')
    expect(status).toBe(200)
    expect(headers['Cache-Control']).toBe('public, max-age=31536000, immutable')
    for (const path of ['/console/', '/console/other.js', '/console/../index.html']) {
      expect((await ask(path)).status).toBe(404)
    }
  })

  it('gives way to a page that says how to use the server, if it was not built', async () => {
    const { status, body } = await ask('/', () => undefined)
    expect(status).toBe(200)
    expect(String(body)).toContain('URL=http://test ')
    expect(String(body)).toContain('ws://test/nemesis')
  })
})
