import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { WholeSource } from '../../core/kernel/byte-source.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { createWebFileDoor, forAnyOrigin } from './web-files.ts'

const bytes = Buffer.from('alert("hello")')
const contentType = 'text/javascript; charset=utf-8'
const door = createWebFileDoor({ contentType, bytes }, forAnyOrigin)

function ask(method: string, headers: Record<string, string> = {}, asked = door) {
  return asked({
    method,
    path: '/applab.js',
    query: '',
    header: (name) => headers[name],
    baseUrl: 'http://test',
    peer: '127.0.0.1',
    isForwarded: false,
    body: new WholeSource(Buffer.alloc(0)),
  })
}

function tagOf({ headers }: HttpReply): string {
  return String(headers.ETag)
}

describe('a file for web pages', () => {
  it('is sent to pages of any origin, which must ask each time whether it changed', async () => {
    const reply = await ask('GET')
    expect([reply.status, reply.body]).toEqual([200, bytes])
    expect(reply.headers).toMatchObject({
      'Content-Type': contentType,
      'Content-Length': bytes.length,
      'Cache-Control': 'no-cache',
      'Access-Control-Allow-Origin': '*',
      'X-Content-Type-Options': 'nosniff',
    })
  })

  it('is not sent again to a client that has it', async () => {
    const tag = tagOf(await ask('GET'))
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const reply = await ask('GET', { 'if-none-match': known })
      expect([reply.status, reply.body, tagOf(reply)]).toEqual([304, '', tag])
    }
    for (const unknown of ['"other"', tag.slice(0, -2), 'nonsense']) {
      expect((await ask('GET', { 'if-none-match': unknown })).status).toBe(200)
    }
  })

  it('is compressed for browsers that read that, under a tag of its own', async () => {
    const tag = tagOf(await ask('GET'))
    for (const accepts of ['gzip', 'br, gzip;q=0.5', 'GZIP']) {
      const reply = await ask('GET', { 'accept-encoding': accepts })
      expect(reply.headers).toMatchObject({ 'Content-Encoding': 'gzip', ETag: `W/${tag}` })
      expect(reply.body).toBeInstanceOf(Uint8Array)
      expect(gunzipSync(reply.body as Uint8Array)).toEqual(bytes)
      expect(reply.headers['Content-Length']).toBe((reply.body as Uint8Array).length)
    }
    for (const accepts of ['', 'br', 'gzip;q=0', 'gzip; q=0.0, br']) {
      const reply = await ask('GET', { 'accept-encoding': accepts })
      expect([reply.body, reply.headers['Content-Encoding']]).toEqual([bytes, undefined])
    }
  })

  it('has another tag if its content is different', async () => {
    const other = createWebFileDoor({ contentType, bytes: Buffer.from('alert("bye")') }, {})
    expect(tagOf(await ask('GET', {}, other))).not.toBe(tagOf(await ask('GET')))
  })

  it('accepts only GET and HEAD', async () => {
    expect((await ask('HEAD')).status).toBe(200)
    const refused = await ask('POST')
    expect([refused.status, refused.headers.Allow]).toEqual([405, 'GET, HEAD'])
  })

  it('is answered with 404 and a hint if it was not built', async () => {
    const reply = await ask('GET', {}, createWebFileDoor(undefined, {}))
    expect(reply.status).toBe(404)
    expect(reply.body).toContain('npm run build')
  })
})
