import { createServer } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ownerRequests } from '../../support/network/plain-request.ts'
import { useTestServer } from '../../support/network/test-server.ts'
import { launchChromium } from '../../support/pages/chromium.ts'

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"></svg>'

/** One second of silence in 8 bits, 8,000 samples a second. */
function wavOf(seconds: number): Buffer {
  const rate = 8_000
  const data = Buffer.alloc(rate * seconds, 0x80)
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(36 + data.length, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36)
  head.writeUInt32LE(data.length, 40)
  return Buffer.concat([head, data])
}

describe('a page of another origin', () => {
  const server = useTestServer()
  const ask = ownerRequests(server)
  let browser: Browser
  let storeUrl = ''

  beforeAll(async () => {
    browser = await launchChromium()
    const client = server.client()
    const { id } = await client.keyValueStores().getOrCreate('policies')
    await client.keyValueStore(id).update({ generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    await client.keyValueStore(id).setRecord({
      key: 'picture',
      value: svg,
      contentType: 'image/svg+xml',
    })
    await client.keyValueStore(id).setRecord({
      key: 'sound',
      // The client takes every value of bytes, but its types do not say so.
      value: wavOf(20) as unknown as string,
      contentType: 'audio/wav',
    })
    storeUrl = `${server.url()}/v2/key-value-stores/${id}`
  })

  afterAll(() => browser.close())

  /** A page of an origin of its own, with these headers. */
  async function openPage(html: string, headers: Record<string, string> = {}): Promise<Page> {
    const { promise: listening, resolve } = Promise.withResolvers<void>()
    const site = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html', ...headers }).end(html)
    }).listen(0, '127.0.0.1', () => resolve())
    await listening
    const page = await browser.newPage()
    onTestFinished(async () => {
      await page.close()
      site.close()
      site.closeAllConnections()
    })
    const address = site.address()
    await page.goto(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`)
    return page
  }

  it('shows a public record, though it demands a policy of all that it loads', async () => {
    const html = `<!doctype html><img id="picture" src="${storeUrl}/records/picture">`
    const headers = {
      'Cross-Origin-Embedder-Policy': 'require-corp',
      'Cross-Origin-Opener-Policy': 'same-origin',
    }
    const page = await openPage(html, headers)
    expect(await page.evaluate('crossOriginIsolated')).toBe(true)
    expect(await page.evaluate('document.getElementById("picture").naturalWidth')).toBe(7)
    for (const method of ['GET', 'HEAD']) {
      for (const more of [{}, { Range: 'bytes=0-1' }, { 'If-None-Match': '*' }]) {
        const reply = await ask(new URL(`${storeUrl}/records/picture`).pathname, {
          method,
          headers: more,
        })
        expect(reply.headers['cross-origin-resource-policy']).toBe('cross-origin')
      }
    }
  })

  it.each([
    ['plays a compressed sound of known length, and seeks in it', '/records/sound'],
    ['does so by the URL for any key', '/record?key=sound'],
  ])('%s', async (_, target) => {
    const stored = await ask(new URL(storeUrl).pathname + target, {
      headers: { 'Accept-Encoding': 'br' },
    })
    expect(stored.headers['content-encoding']).toBe('br')
    const page = await openPage(
      `<!doctype html><audio id="sound" preload="auto" src="${storeUrl}${target}"></audio>`,
    )
    const played = await page.evaluate(`new Promise((resolve, reject) => {
      const sound = document.getElementById('sound')
      const seek = () => { sound.onseeked = () => resolve([sound.duration, sound.currentTime]); sound.currentTime = 15 }
      sound.onerror = () => reject(new Error(sound.error.message))
      if (sound.readyState > 0) seek()
      else sound.onloadedmetadata = seek
    })`)
    expect(played).toEqual([20, 15])
  })

  it.each(['PUT', 'DELETE', 'GET'])('may send a %s with headers of its tracing', async (method) => {
    const page = await openPage('<!doctype html>')
    const headers = {
      Authorization: `Bearer ${server.token()}`,
      baggage: 'a=b',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'X-My-Own': '1',
    }
    const init = { method, headers, ...(method === 'PUT' && { body: 'x' }) }
    const url = `${storeUrl}/records/TRACED`
    const status = await page.evaluate(
      `fetch(${JSON.stringify(url)}, ${JSON.stringify(init)}).then((reply) => reply.status)`,
    )
    expect([200, 201, 204, 404]).toContain(status)
  })

  it.each([
    '/v2/key-value-stores/x/records/A',
    '/coatcheck/v1/me',
    '/datablock_storage/c/set_key_value',
    '/health',
  ])('is allowed every header by the preflight of %s', async (path) => {
    const headers = {
      Origin: 'https://page.example',
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'authorization,baggage,x-my-own',
    }
    const reply = await ask(path, { method: 'OPTIONS', headers })
    expect(reply.status).toBe(204)
    const names = reply.headers['access-control-allow-headers']?.toLowerCase().split(', ')
    expect(names).toEqual(expect.arrayContaining(['authorization', 'baggage', 'x-my-own']))
    expect(reply.headers.vary).toBe('Access-Control-Request-Headers')
    expect(reply.headers).not.toHaveProperty('access-control-allow-credentials')
  })

  it('gets no header that is not a list of names', async () => {
    const headers = { 'Access-Control-Request-Headers': 'x-a, "b", , c d,é' }
    const reply = await ask('/v2/users/me', { method: 'OPTIONS', headers })
    expect(reply.status).toBe(204)
    expect(reply.headers['access-control-allow-headers']).toMatch(/, x-a$/)
  })
})
