import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readTexts, readZip } from '../../support/network/read-zip.ts'
import { errorTypeOf } from '../../support/network/remote.ts'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'
import { People } from '../../support/people/people.ts'

describe.each(wireEngines)('the ZIP of chosen records, on %s', (engine) => {
  const server = useTestServer({ engine })
  const people = (): People => new People({ url: server.url(), token: server.token() })

  async function storeWith(keys: readonly string[]): Promise<string> {
    const { id } = await server.client().keyValueStores().getOrCreate()
    for (const key of keys) await put(id, key, `of ${key}`)
    return id
  }

  function put(id: string, key: string, body: string | Uint8Array, headers = {}): Promise<unknown> {
    const path = `/v2/key-value-stores/${id}/record?key=${encodeURIComponent(key)}`
    return people().remote.do(path, { method: 'PUT', token: server.token(), body, headers })
  }

  function ask(id: string, json: unknown, token = server.token()): Promise<Response> {
    return fetch(`${server.url()}/v2/key-value-stores/${id}/archive`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(json),
    })
  }

  async function archive(id: string, keys: readonly string[], token?: string): Promise<Buffer> {
    const reply = await ask(id, { keys }, token)
    expect(reply.status).toBe(200)
    return Buffer.from(await reply.arrayBuffer())
  }

  it('holds these records only, decoded, in the order of the list, each once', async () => {
    const id = await storeWith(['a', 'b', 'c', 'dir/d'])
    await put(id, 'zipped', gzipSync('plain'), { 'Content-Encoding': 'gzip' })
    const files = await readZip(await archive(id, ['dir%2Fd', 'zipped', 'a', 'a', '%61']))
    expect(files.map(({ name, bytes }) => [name, bytes.toString()])).toEqual([
      ['dir%2Fd', 'of dir/d'],
      ['zipped', 'plain'],
      ['a', 'of a'],
    ])
  })

  it('has the headers of the ZIP of all records', async () => {
    const id = await storeWith(['a'])
    const { headers } = await ask(id, { keys: ['a'] })
    expect(headers.get('content-type')).toBe('application/zip')
    expect(headers.get('content-disposition')).toBe(`attachment; filename="${id}.zip"`)
  })

  it('names the missing records in a file of its own', async () => {
    const id = await storeWith(['a'])
    const texts = await readTexts(await archive(id, ['none', 'a', 'x'.repeat(100_000), 'no%2Fne']))
    expect(Object.keys(texts)).toEqual(['a', '%problems.txt'])
    const told = texts['%problems.txt'] ?? ''
    expect(told).toContain('\nnone: there is no such record\n')
    expect(told).toContain('\nno%2Fne: there is no such record\n')
    expect(told.length).toBeLessThan(3_000)
    expect(await readZip(await archive(id, []))).toEqual([])
  })

  it('takes a token for a prefix only with keys inside of it', async () => {
    const id = await storeWith(['in-a', 'out'])
    const { data } = await people().remote.do('/coatcheck/v1/tokens', {
      method: 'POST',
      token: server.token(),
      json: { action: 'read', storeId: id, keyPrefix: 'in-' },
    })
    expect(await readTexts(await archive(id, ['in-a'], data.token))).toEqual({ 'in-a': 'of in-a' })
    const refused = await ask(id, { keys: ['in-a', 'out'] }, data.token)
    expect([refused.status, errorTypeOf({ text: await refused.text() })]).toEqual([
      403,
      'insufficient-permissions',
    ])
  })

  it.each([
    ['no keys', {}],
    ['keys that are a text', { keys: 'a' }],
    ['a key that is a number', { keys: [1] }],
    ['an unknown field', { keys: [], prefix: '' }],
    ['more keys than it takes', { keys: Array.from({ length: 10_001 }, (_, n) => `a${n}`) }],
  ])('refuses %s', async (_, json) => {
    const reply = await ask(await storeWith([]), json)
    const answer = [reply.status, errorTypeOf({ text: await reply.text() })]
    expect(answer).toEqual([400, 'invalid-value'])
  })

  it('takes 10,000 keys', async () => {
    const id = await storeWith(['a9999'])
    const keys = Array.from({ length: 10_000 }, (_, n) => `a${n}`)
    const texts = await readTexts(await archive(id, keys))
    expect(texts.a9999).toBe('of a9999')
    expect(texts['%problems.txt']).toContain('more\n')
  })
})
