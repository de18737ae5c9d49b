import { describe, expect, it } from 'vitest'
import type { StoredRecord } from '../src/index.ts'
import { useCoatcheck } from './http-support.ts'

describe('a record of CoatcheckStore', () => {
  const { client, newStore } = useCoatcheck()

  it.each<[what: string, value: unknown, contentType: string, kind: string, got: unknown]>([
    ['an object', { a: [1, null] }, 'application/json; charset=utf-8', 'json', { a: [1, null] }],
    ['null', null, 'application/json; charset=utf-8', 'json', null],
    ['a number', 5, 'application/json; charset=utf-8', 'json', 5],
    ['text', 'häh 😀', 'text/plain; charset=utf-8', 'text', 'häh 😀'],
    ['an empty text', '', 'text/plain; charset=utf-8', 'text', ''],
    ['bytes', new Uint8Array([0, 255]), 'application/octet-stream', 'bytes', [0, 255]],
    [
      'a part of a buffer',
      new Uint8Array([1, 2, 3]).subarray(1),
      'application/octet-stream',
      'bytes',
      [2, 3],
    ],
    ['a buffer', new Uint8Array([7]).buffer, 'application/octet-stream', 'bytes', [7]],
    ['a Blob', new Blob(['<p>'], { type: 'text/html' }), 'text/html', 'text', '<p>'],
    ['a Blob without a type', new Blob(['x']), 'application/octet-stream', 'bytes', [120]],
  ])('may be %s', async (_, value, contentType, kind, got) => {
    const store = await newStore()
    const { revision, etag } = await store.put('key', value)
    const found = await store.get('key')
    expect(found).toMatchObject({ key: 'key', contentType, kind, revision, etag })
    expect(plain(found)).toEqual(got)
  })

  it('may be a stream, and come as one', async () => {
    const store = await newStore()
    const parts = Array.from({ length: 64 }, (_, index) => new Uint8Array(65_536).fill(index))
    await store.put('long', ReadableStream.from(parts), { contentType: 'video/mp4' })
    const found = await store.stream('long')
    expect(found).toMatchObject({ contentType: 'video/mp4', revision: expect.any(Number) })
    const got = await Array.fromAsync(found?.body ?? [])
    expect(Buffer.concat(got).equals(Buffer.concat(parts))).toBe(true)
    expect(await store.stream('nothing')).toBeUndefined()
  })

  it('may be left in the middle of its stream', async () => {
    const store = await newStore()
    await store.put('long', new Uint8Array(8_000_000))
    const found = await store.stream('long')
    for await (const part of found?.body ?? []) {
      expect(part.byteLength).toBeGreaterThan(0)
      break
    }
    expect(await store.has('long')).toBe(true)
  })

  it('keeps every digit: integers as bigints, all numbers as text', async () => {
    const store = await newStore()
    await store.put('n', { id: 12728784288890246945n, small: 5n })
    expect(await store.getJson('n')).toEqual({ id: 12728784288890246945n, small: 5 })
    const json = '{"price":0.1234567890123456789,"id":9007199254740993}'
    await store.put('p', json, { contentType: 'application/json' })
    expect(await store.getText('p')).toBe(json)
    expect(await store.get('p')).toMatchObject({ text: json, value: { id: 9007199254740993n } })
  })

  it('is text with the type of JSON only if it is JSON', async () => {
    const store = await newStore()
    const wrong = store.put('n', 'hello', { contentType: 'application/json' })
    await expect(wrong).rejects.toThrow(SyntaxError)
    await store.putJson('n', 'hello')
    expect(await store.get('n')).toMatchObject({ kind: 'json', value: 'hello', text: '"hello"' })
    await expect(store.put('n', undefined)).rejects.toThrow(TypeError)
    await expect(store.put('n', () => 1)).rejects.toThrow(TypeError)
  })

  it('that is no JSON is read as text or bytes', async () => {
    const store = await newStore()
    await store.put('n', new TextEncoder().encode('{"a":'), { contentType: 'application/json' })
    for (const read of [store.get('n'), store.getJson('n')]) {
      await expect(read).rejects.toMatchObject({ type: 'answer-not-understood' })
    }
    expect(await store.getText('n')).toBe('{"a":')
    expect(plain({ value: await store.getBytes('n') })).toEqual([...Buffer.from('{"a":')])
  })

  it('is decoded by its charset', async () => {
    const store = await newStore()
    await store.put('n', new Uint8Array([0x68, 0xe4]), {
      contentType: 'text/plain; charset=latin1',
    })
    expect(await store.getText('n')).toBe('hä')
    await store.put('n', 'hä', { contentType: 'text/plain; charset=nonsense' })
    expect(await store.getText('n')).toBe('hä')
  })

  it.each([
    '',
    '.',
    '..',
    'a/b',
    '😀',
    ' a b ',
    'a%2Fb',
    '%',
    '?&=#',
    '~',
    '__proto__',
    'x'.repeat(2_400),
  ])('may have the key %j', async (key) => {
    const store = await newStore()
    await store.put(key, 'here')
    await store.put('other', 'other')
    expect(await store.getText(key)).toBe('here')
    expect(await store.has(key)).toBe(true)
    expect((await Array.fromAsync(store.keys())).map((one) => one.key).sort()).toEqual(
      [key, 'other'].sort(),
    )
    expect([...(await store.getMany([key])).keys()]).toEqual([key])
    expect(await store.deleteMany([key])).toBe(1)
    await store.put(key, 'again')
    await store.delete(key)
    expect(await store.has(key)).toBe(false)
    expect(await store.has('other')).toBe(true)
  })

  it('has no key with half of a surrogate pair', async () => {
    const store = await newStore()
    await expect(store.get('\ud800')).rejects.toThrow(TypeError)
    await expect(store.put('\ud800', 1)).rejects.toThrow(TypeError)
    await expect(store.deleteMany(['\ud800'])).rejects.toThrow(TypeError)
  })

  it('is undefined if it is missing, unless the store is missing', async () => {
    const store = await newStore()
    for (const read of ['get', 'getJson', 'getText', 'getBytes', 'stream', 'head'] as const) {
      expect(await store[read]('nothing'), read).toBeUndefined()
      const elsewhere = client().store('no-such-store')[read]('nothing')
      await expect(elsewhere, read).rejects.toMatchObject({ type: 'store-not-found', status: 404 })
    }
    expect(await store.has('nothing')).toBe(false)
    await store.delete('nothing')
  })

  it('tells what it is without its value', async () => {
    const store = await newStore()
    const { revision, etag } = await store.put('key', 'hello')
    expect(await store.head('key')).toEqual({
      key: 'key',
      contentType: 'text/plain; charset=utf-8',
      revision,
      etag,
      size: 5,
      modifiedAt: expect.any(Date),
    })
  })

  it('tells why its head is refused', async () => {
    const { id } = await (await newStore()).info()
    const head = client({ token: 'coatcheck_wrong', retries: 0 }).store(id).head('key')
    await expect(head).rejects.toMatchObject({ status: 401, type: 'user-or-token-not-found' })
  })
})

describe('a conditional write of CoatcheckStore', () => {
  const { newStore } = useCoatcheck()
  const failed = {
    name: 'CoatcheckError',
    status: 412,
    type: 'condition-failed',
    outcome: 'not-done',
  }

  it('happens only on the version that it names', async () => {
    const store = await newStore()
    const first = await store.put('k', 1)
    const second = await store.put('k', 2, { ifRevision: first.revision })
    expect(second.revision).toBeGreaterThan(first.revision)
    await expect(store.put('k', 3, { ifRevision: first.revision })).rejects.toMatchObject(failed)
    await expect(store.put('k', 3, { ifMatch: first.etag })).rejects.toMatchObject(failed)
    await expect(store.delete('k', { ifMatch: first.etag })).rejects.toMatchObject(failed)
    expect(await store.getJson('k')).toBe(2)
    await store.delete('k', { ifRevision: second.revision })
    expect(await store.has('k')).toBe(false)
  })

  it('happens only where there is no record', async () => {
    const store = await newStore()
    await store.put('k', 1, { ifAbsent: true })
    await expect(store.put('k', 2, { ifAbsent: true })).rejects.toMatchObject(failed)
    await expect(store.put('k', 2, { ifRevision: 0 })).rejects.toMatchObject(failed)
    expect(await store.getJson('k')).toBe(1)
  })

  it('has one condition, of a form that makes sense', async () => {
    const store = await newStore()
    for (const options of [
      { ifAbsent: true, ifRevision: 5 },
      { ifRevision: 1.5 },
      { ifRevision: -1 },
    ]) {
      await expect(store.put('k', 1, options)).rejects.toThrow(TypeError)
    }
    await expect(store.put('k', 1, { ifMatch: '😀' })).rejects.toThrow(TypeError)
    expect(await store.has('k')).toBe(false)
  })

  it('takes the ETag of a decoded representation', async () => {
    const store = await newStore()
    const { revision } = await store.put('k', 1)
    await store.put('k', 2, { ifMatch: `"${revision}-d"` })
    expect(await store.getJson('k')).toBe(2)
  })

  it('loses no change of updateWith, however many run at once', async () => {
    const store = await newStore()
    const workers = Array.from({ length: 10 }, async () => {
      for (let round = 0; round < 5; round += 1) {
        await store.updateWith('n', (n = 0) => Number(n) + 1, { attempts: 1_000 })
      }
    })
    await Promise.all(workers)
    expect(await store.getJson('n')).toBe(50)
  })

  it('is left out if the function of updateWith returns undefined', async () => {
    const store = await newStore()
    const { revision } = await store.put('k', { a: 1 }, { contentType: 'application/x+json' })
    expect(await store.updateWith('k', () => undefined)).toEqual({
      value: { a: 1 },
      written: undefined,
    })
    expect(await store.head('k')).toMatchObject({ revision })
    const { value, written } = await store.updateWith('k', (old) => ({ old, id: 2n ** 64n }))
    expect(value).toEqual({ old: { a: 1 }, id: 2n ** 64n })
    expect(await store.get('k')).toMatchObject({
      revision: written?.revision,
      contentType: 'application/x+json',
    })
    const failing = store.updateWith('k', () => Promise.reject(new Error('mine')))
    await expect(failing).rejects.toThrow('mine')
  })

  it('gives up after so many conflicts', async () => {
    const store = await newStore()
    const busy = store.updateWith(
      'k',
      async () => {
        await store.putJson('k', 0)
        return 1
      },
      { attempts: 3 },
    )
    await expect(busy).rejects.toMatchObject({ type: 'too-many-conflicts' })
  })

  it('is not made by updateWith to a value that is no JSON', async () => {
    const store = await newStore()
    await store.put('k', 'text')
    await expect(store.updateWith('k', () => 1)).rejects.toMatchObject({ type: 'wrong-value-type' })
  })
})

/** A value, with its bytes as a plain list. */
function plain(found: StoredRecord | { value: unknown } | undefined): unknown {
  return found?.value instanceof Uint8Array ? [...found.value] : found?.value
}
