import { brotliCompressSync, gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Answered, errorTypeOf, type Json } from '../../support/network/remote.ts'
import { allEngines, wireEngines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

const json = { 'Content-Type': 'application/json' }
const text = { 'Content-Type': 'text/plain; charset=utf-8' }

function useStore(engine: (typeof allEngines)[number]) {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')
  let path = ''
  beforeEach(async () => {
    path = `/v2/key-value-stores/${(await server.client(jane).keyValueStores().getOrCreate()).id}`
  })
  const put = (key: string, body: string | Uint8Array, headers: Record<string, string> = text) =>
    people.remote.do(`${path}/record?key=${encodeURIComponent(key)}`, {
      method: 'PUT',
      token: jane.token,
      body,
      headers,
    })
  const ask = (wanted: unknown, token: string = jane.token): Promise<Answered> =>
    people.remote.send(`${path}/find`, { method: 'POST', token, json: wanted })
  const find = async (wanted: unknown, token?: string): Promise<Json> => {
    const { status, text } = await ask(wanted, token)
    expect([status, text]).toEqual([200, expect.stringContaining('"items"')])
    return JSON.parse(text).data
  }
  const keysOf = ({ items }: Json): string[] => items.map(({ key }: Json) => key)
  return { people, jane, storeId: () => path.split('/').at(-1) ?? '', put, ask, find, keysOf }
}

describe.each(allEngines)('searching by value, on %s', (engine) => {
  const { put, find, keysOf } = useStore(engine)

  it('finds texts in values of every length and encoding, page by page', async () => {
    const long = `${'x'.repeat(900_000)} a Needle in a long value`
    await put('a', 'needle')
    await put('b', 'nothing')
    await put('c/br', brotliCompressSync(long), { ...text, 'Content-Encoding': 'br' })
    await put('c/gz', gzipSync('a NEEDLE'), { ...text, 'Content-Encoding': 'gzip' })
    await put('d', long)
    await put('e', 'no')
    const all = await find({ text: 'nEEdle' })
    expect(keysOf(all)).toEqual(['a', 'c%2Fbr', 'c%2Fgz', 'd'])
    expect(all).toMatchObject({ scanned: 6, skipped: 0, nextAfter: null })
    expect(all.items[0]).toEqual({
      key: 'a',
      size: 6,
      contentType: text['Content-Type'],
      path: null,
      excerpt: 'needle',
    })
    const first = await find({ text: 'needle', limit: 2 })
    expect([keysOf(first), first.nextAfter]).toEqual([['a', 'c%2Fbr'], 'c%2Fbr'])
    const second = await find({ text: 'needle', limit: 2, after: first.nextAfter })
    expect([keysOf(second), second.nextAfter]).toEqual([['c%2Fgz', 'd'], 'd'])
    const last = await find({ text: 'needle', limit: 2, after: second.nextAfter })
    expect(last).toEqual({ items: [], scanned: 1, skipped: 0, nextAfter: null })
    expect(keysOf(await find({ text: 'needle', prefix: 'c%2F' }))).toEqual(['c%2Fbr', 'c%2Fgz'])
  })
})

describe.each(wireEngines)('a search by value, on %s', (engine) => {
  const { people, jane, storeId, put, ask, find, keysOf } = useStore(engine)

  it('finds texts in the values at a path of JSON, or below it', async () => {
    await put('a', '{"address":{"city":"Paris","zip":75001},"name":"London"}', json)
    await put('b', '{"address":{"city":"London"},"tags":["x","Par\\u0069s"]}', json)
    await put('c', 'Paris')
    await put('d', '{"address":"near Paris"}', { 'Content-Type': 'application/ld+json' })
    await put('e', '{"a b":[{"c.d":true}]}', json)
    const found = async (path: string, sought: string): Promise<unknown[]> => {
      const { items } = await find({ path, text: sought })
      return items.map(({ key, path, excerpt }: Json) => [key, path, excerpt])
    }
    expect(await found('address.city', 'paris')).toEqual([['a', "$['address']['city']", 'Paris']])
    expect(await found('address', 'paris')).toEqual([
      ['a', "$['address']['city']", 'Paris'],
      ['d', "$['address']", 'near Paris'],
    ])
    expect(await found('$', 'paris')).toEqual([
      ['a', "$['address']['city']", 'Paris'],
      ['b', "$['tags'][1]", 'Paris'],
      ['d', "$['address']", 'near Paris'],
    ])
    expect(await found('tags.1', 'is')).toEqual([['b', "$['tags'][1]", 'Paris']])
    expect(await found('address.zip', '500')).toEqual([['a', "$['address']['zip']", '75001']])
    expect(await found("$['a b'][?@['c.d']]", 'TRUE')).toEqual([
      ['e', "$['a b'][0]['c.d']", 'true'],
    ])
    expect(await found('address.city', '')).toEqual([
      ['a', "$['address']['city']", '"Paris"'],
      ['b', "$['address']['city']", '"London"'],
    ])
    expect((await find({ path: 'address', text: 'paris' })).skipped).toBe(1)
  })

  it('skips and counts values that are too long or no text', async () => {
    await put('bomb', gzipSync('needle'.repeat(200_000)), { ...text, 'Content-Encoding': 'gzip' })
    await put('broken', 'needle', { ...text, 'Content-Encoding': 'gzip' })
    await put('bytes', Buffer.from([0xff, ...Buffer.from('needle')]))
    await put('long', `needle${'x'.repeat(1_048_576)}`)
    await put('picture', 'needle', { 'Content-Type': 'image/png' })
    await put('drawing', '<svg>needle</svg>', { 'Content-Type': 'image/svg+xml' })
    await put('plain', 'needle', { 'Content-Type': 'application/octet-stream' })
    const found = await find({ text: 'needle' })
    expect(keysOf(found)).toEqual(['drawing', 'plain'])
    expect(found).toMatchObject({ scanned: 7, skipped: 5, nextAfter: null })
    await put('bad', '{"needle"', json)
    await put('deep', '['.repeat(1_001) + ']'.repeat(1_001), json)
    expect(await find({ path: '$', text: 'needle' })).toMatchObject({ items: [], skipped: 9 })
  })

  it('shows what stands around the text, in whole characters', async () => {
    await put('a', `${'😀'.repeat(30)}é needle ${'😀'.repeat(50)}`)
    const [{ excerpt }] = (await find({ text: 'É NEEDLE' })).items
    expect(excerpt).toMatch(/^(😀)+é needle (😀)+$/u)
    expect(excerpt.length).toBeLessThan(140)
    await put('b', `${'İ'.repeat(10)}Ὀδυσσεύς`)
    expect(keysOf(await find({ text: 'ὀΔΥΣΣΕΎΣ' }))).toEqual(['b'])
  })

  it('tells no path that is too long', async () => {
    const name = 'n'.repeat(2_000)
    await put('a', JSON.stringify({ [name]: 'needle' }), json)
    expect((await find({ path: '$', text: 'needle' })).items).toMatchObject([
      { key: 'a', path: null, excerpt: 'needle' },
    ])
  })

  it('sees only the part of a token for a prefix', async () => {
    for (const key of ['a', 'in-a', 'in-b', 'z']) await put(key, 'needle')
    const scope = { action: 'read', storeId: storeId(), keyPrefix: 'in-' } as const
    const { token } = await people.createToken(jane, scope)
    expect(await find({ text: 'needle', prefix: 'a' }, token)).toMatchObject({ scanned: 0 })
    for (const prefix of ['', 'i', 'in-']) {
      const found = await find({ text: 'needle', prefix }, token)
      expect([keysOf(found), found.scanned]).toEqual([['in-a', 'in-b'], 2])
    }
    expect((await find({ text: 'needle', after: 'in-a' }, token)).scanned).toBe(1)
    expect((await find({ text: 'needle', after: 'a' }, token)).scanned).toBe(2)
  })

  it('goes on behind every key', async () => {
    const keys = ['', '.', 'a b', 'a/b', 'ключ', '😀']
    for (const key of keys) await put(key, 'needle')
    const found: string[] = []
    let after: string | null | undefined
    do {
      const page = await find({ text: 'needle', limit: 1, ...(after != null && { after }) })
      found.push(...keysOf(page))
      after = page.nextAfter
    } while (after !== null)
    expect(found.map(decodeURIComponent)).toEqual(keys)
  })

  it.each([
    ['neither text nor path', {}],
    ['an empty text', { text: '' }],
    ['a text that is a number', { text: 1 }],
    ['a text that is too long', { text: 'x'.repeat(201) }],
    ['an empty path', { path: '', text: 'x' }],
    ['an empty name in a path', { path: 'a..b', text: 'x' }],
    ['a path that is no JSONPath', { path: '$[', text: 'x' }],
    ['a path that is no Unicode', { path: 'a\ud800', text: 'x' }],
    ['a path that is too long', { path: 'a.'.repeat(1_000).slice(0, -1), text: 'x' }],
    ['a limit of 0', { text: 'x', limit: 0 }],
    ['a limit over 1,000', { text: 'x', limit: 1_001 }],
    ['an unknown field', { text: 'x', odd: 1 }],
  ])('refuses %s', async (_, wanted) => {
    const reply = await ask(wanted)
    expect([reply.status, errorTypeOf(reply)]).toEqual([400, 'invalid-value'])
  })
})
