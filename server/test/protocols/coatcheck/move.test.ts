import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type Answered, type Asked, errorTypeOf, type Json } from '../../support/network/remote.ts'
import { allEngines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'
import { ChangeStream } from '../../support/watching/change-stream.ts'

const schema = {
  actorKeyValueStoreSchemaVersion: 1,
  title: 'Shop',
  collections: {
    products: {
      keyPrefix: 'product-',
      contentTypes: ['application/json'],
      jsonSchema: { type: 'object', required: ['price'] },
    },
    images: { keyPrefix: 'image-', contentTypes: ['image/png'] },
  },
}

describe.each(allEngines)('moving a record to another key, on %s', (engine) => {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')
  let path = ''
  let storeId = ''
  beforeEach(async () => {
    storeId = (await server.client(jane).keyValueStores().getOrCreate()).id
    path = `/v2/key-value-stores/${storeId}`
  })

  const recordPath = (key: string): string => `${path}/record?key=${encodeURIComponent(key)}`
  const put = (key: string, body: string | Uint8Array, headers = {}): Promise<Answered> =>
    people.remote.send(recordPath(key), { method: 'PUT', token: jane.token, body, headers })
  const move = (json: unknown, { token = jane.token, headers = {} }: Asked = {}) =>
    people.remote.send(`${path}/move`, { method: 'POST', token, json, headers })
  const answerOf = (reply: Answered): unknown => [reply.status, errorTypeOf(reply)]
  const keys = async (): Promise<string[]> => {
    const { data } = await people.remote.do(`${path}/keys`, { token: jane.token })
    return data.items.map(({ key }: Json) => key)
  }

  it('keeps bytes, type and encoding, of long values too', async () => {
    const bytes = randomBytes(2_500_000)
    const zipped = gzipSync(bytes)
    await put('long', zipped, { 'Content-Type': 'image/x-odd', 'Content-Encoding': 'gzip' })
    const reply = await move({ from: 'long', to: 'a%2Flong' })
    expect(reply.status).toBe(200)
    const { data } = JSON.parse(reply.text)
    expect(data).toEqual({ key: 'a%2Flong', revision: expect.any(Number) })
    expect(reply.headers.get('etag')).toBe(`"${data.revision}"`)
    const headers = { Authorization: `Bearer ${jane.token}`, 'Accept-Encoding': 'gzip' }
    const moved = await fetch(server.url() + recordPath('a/long'), { headers })
    expect(moved.headers.get('content-type')).toBe('image/x-odd')
    expect(moved.headers.get('content-encoding')).toBe('gzip')
    expect(moved.headers.get('etag')).toBe(`"${data.revision}"`)
    expect(Buffer.from(await moved.arrayBuffer()).equals(bytes)).toBe(true) // fetch decodes it
    expect(await keys()).toEqual(['a%2Flong'])
  })

  it('is told to watchers and to the audit trail as two changes of one revision', async () => {
    await put('from', 'value')
    const url = `${server.url()}${path}/changes`
    const stream = await ChangeStream.open(url, { token: jane.token })
    onTestFinished(() => stream.close())
    await stream.next()
    const { revision } = JSON.parse((await move({ from: 'from', to: 'to' })).text).data
    const told = [await stream.next(), await stream.next()].map((event) => event?.data)
    expect(told).toMatchObject([
      { key: 'from', kind: 'delete', revision },
      { key: 'to', kind: 'put', revision },
    ])
    const { data } = await people.remote.do(`${path}/audit?limit=2`, { token: jane.token })
    const events = data.items.map(({ action, subject, revision }: Json) => [
      action,
      subject,
      revision,
    ])
    expect(events.toSorted()).toEqual([
      ['record-deleted', 'from', revision],
      ['record-put', 'to', revision],
    ])
  })

  it('replaces no record unless it is told to', async () => {
    await put('a', 'of a')
    await put('b', 'of b')
    expect(answerOf(await move({ from: 'a', to: 'b' }))).toEqual([409, 'record-exists'])
    expect(answerOf(await move({ from: 'a', to: 'b', overwrite: false }))).toEqual([
      409,
      'record-exists',
    ])
    expect(await keys()).toEqual(['a', 'b'])
    expect((await move({ from: 'a', to: 'b', overwrite: true })).status).toBe(200)
    const { text } = await people.remote.send(recordPath('b'), { token: jane.token })
    expect([text, await keys()]).toEqual(['of a', ['b']])
  })

  it('refuses a missing record, and what it can not do', async () => {
    await put('a', 'x')
    expect(answerOf(await move({ from: 'none', to: 'b' }))).toEqual([404, 'record-not-found'])
    const wrong = [
      { from: 'a', to: 'a' },
      { from: 'a', to: '%61' },
      { from: 'a' },
      { to: 'a' },
      { from: 'a', to: 1 },
      { from: 'a', to: 'b', overwrite: 'yes' },
      { from: 'a', to: 'b', odd: 1 },
    ]
    for (const json of wrong) {
      expect(answerOf(await move(json)), JSON.stringify(json)).toEqual([400, 'invalid-value'])
    }
    const long = { from: 'a', to: 'x'.repeat(2_401) }
    expect(answerOf(await move(long))).toEqual([400, 'invalid-record-key'])
    expect(await keys()).toEqual(['a'])
  })

  it('obeys conditions on the record that is moved', async () => {
    const etag = (await put('a', 'x')).headers.get('etag') ?? ''
    const wanted = { from: 'a', to: 'b' }
    const asked = (headers: Record<string, string>) => move(wanted, { headers })
    expect(answerOf(await asked({ 'If-Match': '"1"' }))).toEqual([412, 'condition-failed'])
    expect(answerOf(await asked({ 'If-None-Match': etag }))).toEqual([400, 'invalid-request'])
    expect(answerOf(await asked({ 'If-Match': 'odd' }))).toEqual([400, 'invalid-request'])
    const both = { json: { ...wanted, overwrite: true }, headers: { 'If-None-Match': '*' } }
    expect(answerOf(await move(both.json, both))).toEqual([400, 'invalid-request'])
    expect(await keys()).toEqual(['a'])
    expect((await asked({ 'If-Match': etag, 'If-None-Match': '*' })).status).toBe(200)
    expect(await keys()).toEqual(['b'])
  })

  it('is done once for one Idempotency-Key', async () => {
    await put('a', 'x')
    const headers = { 'Idempotency-Key': `once-${storeId}` }
    const first = await move({ from: 'a', to: 'b' }, { headers })
    const again = await move({ from: 'a', to: 'b' }, { headers })
    expect([again.status, again.text]).toEqual([200, first.text])
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    const other = await move({ from: 'a', to: 'c' }, { headers })
    expect(answerOf(other)).toEqual([422, 'idempotency-key-reused'])
    expect(await keys()).toEqual(['b'])
  })

  it('needs the right to write both keys', async () => {
    for (const key of ['in-a', 'out']) await put(key, 'x')
    const scope = { action: 'write', storeId, keyPrefix: 'in-' } as const
    const { token } = await people.createToken(jane, scope)
    const denied = [403, 'insufficient-permissions']
    expect(answerOf(await move({ from: 'in-a', to: 'b' }, { token }))).toEqual(denied)
    expect(answerOf(await move({ from: 'out', to: 'in-b' }, { token }))).toEqual(denied)
    expect(answerOf(await move({ from: 'none', to: 'none2' }, { token }))).toEqual(denied)
    expect(await keys()).toEqual(['in-a', 'out'])
    expect((await move({ from: 'in-a', to: 'in-b' }, { token })).status).toBe(200)
  })

  it("obeys the collections of the store's schema", async () => {
    const made = await people.remote.do('/v2/key-value-stores', {
      method: 'POST',
      token: jane.token,
      json: { schema },
    })
    path = `/v2/key-value-stores/${made.data.id}`
    const json = { 'Content-Type': 'application/json' }
    await put('good', gzipSync('{"price":1}'), { ...json, 'Content-Encoding': 'gzip' })
    await put('bad', '{"cost":1}', json)
    await put('text', '{"price":1}', { 'Content-Type': 'text/plain' })
    await put('long', `{"price":1,"x":"${'x'.repeat(17 * 2 ** 20)}"}`, json)
    const refused = [400, 'schema-validation-error']
    for (const from of ['bad', 'text', 'long']) {
      expect(answerOf(await move({ from, to: 'product-1' })), from).toEqual(refused)
    }
    expect(answerOf(await move({ from: 'good', to: 'image-1' }))).toEqual(refused)
    expect(await keys()).toEqual(['bad', 'good', 'long', 'text'])
    expect((await move({ from: 'good', to: 'product-1' })).status).toBe(200)
    expect((await move({ from: 'product-1', to: 'free' })).status).toBe(200)
  })
})
