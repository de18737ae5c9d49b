import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpReply, HttpRequest } from './exchange.ts'
import { HttpListener } from './http/http.ts'
import { TrustedProxies } from './proxies/trusted-proxies.ts'

describe('a request', () => {
  let listener: HttpListener
  let seen: HttpRequest | undefined
  const settings = { host: '127.0.0.1', port: 0, logError: () => undefined }

  const told = async (request: HttpRequest): Promise<HttpReply> => {
    seen = request
    if (request.path === '/unasked') return { status: 200, headers: {}, body: '' }
    const body = `${request.peer} ${request.isForwarded}`
    return { status: 200, headers: { 'Content-Length': body.length }, body }
  }

  beforeEach(async () => {
    seen = undefined
    listener = new HttpListener({ ...settings, handler: told })
    await listener.listen()
  })

  afterEach(() => listener.stop())

  async function ask(headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('')}\r\n`)
    const parts = await Array.fromAsync<Buffer>(socket)
    return Buffer.concat(parts).toString('latin1').split('\r\n\r\n')[1] ?? ''
  }

  it('knows the address at the other end of its connection', async () => {
    expect(await ask()).toBe('127.0.0.1 false')
  })

  it.each([
    ['Forwarded', 'for=192.0.2.1'],
    ['X-Forwarded-For', '192.0.2.1'],
    ['x-forwarded-for', ''],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', 'store.example'],
    ['X-Real-IP', '192.0.2.1'],
    ['Via', '1.1 proxy'],
    ['X-Client-IP', '192.0.2.1'],
    ['X-Cluster-Client-IP', '192.0.2.1'],
    ['X-Original-Forwarded-For', '192.0.2.1'],
    ['X-Original-Host', 'store.example'],
    ['X-Envoy-External-Address', '192.0.2.1'],
    ['X-ProxyUser-IP', '192.0.2.1'],
    ['True-Client-IP', '192.0.2.1'],
    ['CF-Connecting-IP', '192.0.2.1'],
    ['CF-Ray', '230b030023ae2822-SJC'],
    ['Fly-Client-IP', '192.0.2.1'],
    ['Fastly-Client-IP', '192.0.2.1'],
  ])('says that it was forwarded if it has the header %s', async (name, value) => {
    // The sender may invent the header: the address stays that of the connection.
    expect(await ask({ [name]: value })).toBe('127.0.0.1 true')
  })

  it('was not forwarded if it has only headers that clients send', async () => {
    const headers = { Accept: '*/*', 'X-Requested-With': 'XMLHttpRequest', Origin: 'http://x' }
    expect(await ask(headers)).toBe('127.0.0.1 false')
  })

  it('has the address that a trusted proxy names', async () => {
    await listener.stop()
    const proxies = new TrustedProxies(['127.0.0.1'])
    listener = new HttpListener({ ...settings, handler: told, proxies })
    await listener.listen()
    expect(await ask({ 'X-Forwarded-For': '198.51.100.7, 192.0.2.1' })).toBe('192.0.2.1 true')
    expect(await ask()).toBe('127.0.0.1 false')
  })

  /** RFC 9112, 3.2.2: the host of such a target counts, not the header. */
  it('was addressed by the host of its target, if that is a whole URL', async () => {
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
    socket.write('GET http://y:1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await Array.fromAsync<Buffer>(socket)
    expect(seen?.baseUrl).toBe('http://y:1')
  })

  it('has no address if nobody asked for it before the connection was gone', async () => {
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
    socket.write('GET /unasked HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    await listener.stop()
    expect(seen?.peer).toBe('')
  })
})
