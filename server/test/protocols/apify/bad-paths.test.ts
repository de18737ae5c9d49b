import { beforeAll, describe, expect, it } from 'vitest'
import { sendRaw } from '../../support/network/raw-connection.ts'
import { useTestStore } from '../../support/network/test-store.ts'

const methods = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH'] as const

describe('paths that must not be confused with others', () => {
  const { server, storeId, client } = useTestStore()

  beforeAll(async () => {
    await client().setRecord({ key: 'KEPT', value: 'kept' })
  })

  /** Sends the path unchanged: any client would normalize it. Returns the reply's head and body. */
  function ask(method: string, path: string, body = '{"name":"renamed"}'): Promise<string> {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Bearer ${server.token()}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      'Connection: close',
    ]
    return sendRaw(server.url(), [`${lines.join('\r\n')}\r\n\r\n${body}`], 'stay')
  }

  async function expectUntouched(): Promise<void> {
    const store = client()
    expect((await store.get())?.name).toBe('test-store')
    expect((await store.listKeys()).items.map(({ key }) => key)).toEqual(['KEPT'])
    expect((await store.getRecord('KEPT'))?.value).toBe('kept')
  }

  it.each([
    ['/v2/v2/key-value-stores', 'ends before /v2'],
    ['/v2/datasets', 'key-value stores only'],
    ['/v2/request-queues/x/head', 'key-value stores only'],
    ['/v2/key-value-stores/x/records/a/b', '/record?key='],
    ['/v2/elsewhere', 'at this URL."'],
  ])('explains what may be wrong with %s', async (path, hint) => {
    const reply = await ask('GET', path)
    expect(reply).toMatch(/^HTTP\/1\.1 404 /)
    expect(reply).toContain('"page-not-found"')
    expect(reply).toContain(hint)
  })

  it.each([
    '/',
    '//',
    '/.',
    '/..',
    '/./',
    '/%2e',
    '/%2e%2e',
    '/%2e%2e/',
    '%2F',
    '%2f..',
    '%00',
    '%20',
    '%',
    '%zz',
    '.',
    '/keys/',
    '/keys/..',
    '/records/',
    '/records//',
    '/records/..',
    '/records/%2e%2e',
    '/records/%2E%2E',
    '/records/.%2E',
    '/records/%2e.',
    '/records/%2e',
    '/records/.',
    '/records/KEPT/',
    '/records/KEPT/..',
    '/records/KEPT/../..',
    '//records/KEPT',
    '/records//KEPT',
    '/RECORDS/KEPT',
    '/records/KEPT%00',
    '/records/KEPT%2F',
    '/records/%4b%45%50%54%20',
    '/records/KEPT;x',
    '/records%2FKEPT',
    '/keys%2F',
  ])('finds nothing at a path after a store: %s', async (rest) => {
    for (const method of methods) {
      const reply = await ask(method, `/v2/key-value-stores/${storeId()}${rest}`)
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(reply)?.[1])
      // Deleting a missing record succeeds, whatever its key is, unless no path can carry it.
      const isRecord = method === 'DELETE' && /^\/records\/[^/]+$/.test(rest)
      const isOfDots = /^\/records\/(\.|%2e){1,2}$/i.test(rest)
      if (isOfDots) expect(status, `${method} ${rest}`).toBe(400)
      // These PATCHes have no content type.
      const others = [isRecord ? 204 : 400, method === 'PATCH' ? 415 : 400]
      expect([400, 404, 405, ...others], `${method} ${reply}`).toContain(status)
      if (status !== 204 && method !== 'HEAD') expect(reply, method).toContain('{"error":{"type":"')
    }
    await expectUntouched()
  })

  it.each([
    '/v2/key-value-stores/',
    '/v2/key-value-stores//',
    '/v2/key-value-stores/..',
    '/v2/key-value-stores/%2e%2e',
    '/v2//key-value-stores',
    '//v2/key-value-stores',
    '/v2/key-value-stores%2F',
    '/v2/key-value-stores/owner%2Fbad-paths',
    '/v2/key-value-stores/owner/bad-paths',
    '/v2/key-value-stores/bad-paths',
    '/v2/key-value-stores/~',
    '/v2/key-value-stores/~~bad-paths',
    '/v2/key-value-stores/owner~',
    '/v2/key-value-stores/owner~bad-paths%00',
    `/v2/key-value-stores/${'A'.repeat(5_000)}`,
    `/v2/key-value-stores/~${'a'.repeat(5_000)}`,
    '/v1/key-value-stores',
    '/V2/key-value-stores',
    '*',
    '/v2/%zz',
  ])('finds no store at %s', async (path) => {
    for (const method of methods) {
      const reply = await ask(method, path)
      expect(reply, method).toMatch(/^HTTP\/1\.1 (400|404|405) /)
    }
    await expectUntouched()
    expect((await server.client().keyValueStores().list({ unnamed: true })).total).toBe(1)
  })

  it('accepts a key of 256 characters, and refuses one of 257', async () => {
    const path = `/v2/key-value-stores/${storeId()}/records/${'k'.repeat(256)}`
    expect(await ask('PUT', path)).toMatch(/^HTTP\/1\.1 201 /)
    expect(await ask('DELETE', path)).toMatch(/^HTTP\/1\.1 204 /)
    const tooLong = await ask('PUT', `${path}k`)
    expect(tooLong).toMatch(/^HTTP\/1\.1 400 /)
    expect(tooLong).toContain('"type":"invalid-record-key"')
    await expectUntouched()
  })

  it('decodes a key once, so that all its spellings mean the same key', async () => {
    for (const spelling of ['KEPT', '%4BEPT', '%4b%45%50%54']) {
      const reply = await ask('GET', `/v2/key-value-stores/${storeId()}/records/${spelling}`)
      expect(reply, spelling).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\nkept$/s)
    }
    const twice = await ask('GET', `/v2/key-value-stores/${storeId()}/records/%254BEPT`)
    expect(twice).toMatch(/^HTTP\/1\.1 404 /)
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })
})
