import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startTestServer, type TestServer } from '../../support/network/test-server.ts'
import { launchChromium } from '../../support/pages/chromium.ts'
import { PlayPage } from '../../support/pages/play-page.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server?.close())

const files = [
  ['/play', 'text/html'],
  ['/play/play.css', 'text/css'],
  ['/play/play.js', 'text/javascript'],
  ['/play/frame', 'text/html'],
  ['/play/frame.js', 'text/javascript'],
]

describe('the files of the page', () => {
  it.each(files)('%s is %s, and not sent again if unchanged', async (path, type) => {
    const first = await fetch(server.url + path)
    expect(first.status).toBe(200)
    expect(first.headers.get('content-type')).toBe(`${type}; charset=utf-8`)
    expect(first.headers.get('x-content-type-options')).toBe('nosniff')
    expect(first.headers.get('cache-control')).toBe('no-cache')
    expect(first.headers.get('referrer-policy')).toBe('no-referrer')
    expect(first.headers.get('x-dns-prefetch-control')).toBe('off')
    const tag = first.headers.get('etag') ?? ''
    const again = await fetch(server.url + path, { headers: { 'If-None-Match': tag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
    // `fetch` asks for compressed bytes, and counts those that it has decoded.
    const headers = { 'Accept-Encoding': 'identity' }
    const head = await fetch(server.url + path, { method: 'HEAD', headers })
    const { length } = Buffer.from(await first.arrayBuffer())
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(length)])
  })

  it('allow only their own scripts, and more only in the frame for programs', async () => {
    const policyOf = async (path: string): Promise<string[]> =>
      ((await fetch(server.url + path)).headers.get('content-security-policy') ?? '').split('; ')
    const page = await policyOf('/play')
    expect(page).toContain("default-src 'none'")
    expect(page).toContain("script-src 'self'")
    expect(page).toContain("frame-ancestors 'none'")
    expect(await policyOf('/play/frame')).toContain('sandbox allow-scripts allow-modals')
    const html = await (await fetch(`${server.url}/play`)).text()
    expect(html).not.toMatch(
      /<script(?![^>]*\bsrc=)|\son\w+=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/,
    )
  })

  it('are the only files, and can only be read', async () => {
    for (const path of ['/play/none', '/play/../package.json', '/play/%2e%2e/applab.js']) {
      expect(await statusOf(path)).toBe(404)
    }
    const posted = await fetch(`${server.url}/play`, { method: 'POST' })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const slash = await fetch(`${server.url}/play/?channel=c`, { redirect: 'manual' })
    expect([slash.status, slash.headers.get('location')]).toEqual([308, '../play?channel=c'])
  })
})

/** The status for a path as it is: `fetch` would resolve the dots. */
function statusOf(path: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const { hostname, port } = new URL(server.url)
  const asked = request({ hostname, port, path }, (reply) => resolve(reply.resume().statusCode))
  asked.on('error', reject).end()
  return promise
}

it('works behind a proxy below a path, which --public-url names', async () => {
  const proxy = createServer((incoming, reply) => {
    const path = (incoming.url ?? '').replace(/^\/below/, '')
    const { method, headers } = incoming
    const inner = request(server.url + path, { method, headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(reply)
    })
    incoming.pipe(inner)
  })
  onTestFinished(() => void proxy.close())
  await new Promise<void>((listens) => proxy.listen(0, '127.0.0.1', listens))
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/below`
  const browser = await launchChromium()
  onTestFinished(() => browser.close())
  const play = await PlayPage.open(await browser.newContext(), url, `/play#token=${server.token}`)
  await play.makeFirstProject()
  await play.viewData()
  await play.run()
  await expect.poll(() => play.printed()).toHaveLength(2)
  await expect.poll(() => play.pairs()).toEqual([['"highScore"', '100']])
  expect(play.strange).toEqual([])
})
