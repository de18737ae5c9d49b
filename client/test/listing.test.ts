import { beforeAll, describe, expect, it } from 'vitest'
import { CoatcheckBatchError, CoatcheckClient, type CoatcheckStore } from '../src/index.ts'
import { startHostileServer } from './hostile-server.ts'
import { useCoatcheck } from './http-support.ts'

describe('the keys of a store', () => {
  const { newStore } = useCoatcheck()
  const count = 2_500
  const names = Array.from({ length: count }, (_, index) => `key ${String(index).padStart(4, '0')}`)
  let store: CoatcheckStore

  beforeAll(async () => {
    store = await newStore()
    const values = names.map((name, index) => [name, index] as const)
    expect((await store.putMany(values, { parallel: 32 })).size).toBe(count)
    await store.put('z/😀', 'last')
  })

  it('come page by page, all of them once, in order', async () => {
    expect(await keysOf(store.keys())).toEqual([...names, 'z/😀'])
    expect(await keysOf(store.keys({ prefix: 'key 24' }))).toEqual(names.slice(2_400))
    expect(await keysOf(store.keys({ startAfter: 'key 2497', pageSize: 1 }))).toEqual([
      'key 2498',
      'key 2499',
      'z/😀',
    ])
    expect(await keysOf(store.keys({ prefix: 'z/' }))).toEqual(['z/😀'])
    expect(await keysOf(store.keys({ prefix: 'none' }))).toEqual([])
    const [first] = await Array.fromAsync(store.keys({ prefix: 'key 1234' }))
    expect(first).toEqual({ key: 'key 1234', size: 4 })
  })

  it('come with their values', async () => {
    const found = await Array.fromAsync(store.entries({ prefix: 'key 2', parallel: 16 }))
    expect(found.map(({ key }) => key)).toEqual(names.slice(2_000))
    expect(found.map(({ value }) => value)).toEqual(names.slice(2_000).map((_, at) => at + 2_000))
  })

  it('are read no further than the reader wants', async () => {
    for await (const { key } of store.entries({ pageSize: 2, parallel: 2 })) {
      expect(key).toBe('key 0000')
      break
    }
  })

  it('stop by a signal', async () => {
    const stopping = new AbortController()
    const reading = (async () => {
      for await (const { key } of store.keys({ pageSize: 10, signal: stopping.signal })) {
        if (key === 'key 0015') stopping.abort(new Error('enough'))
      }
    })()
    await expect(reading).rejects.toThrow('enough')
  })

  it('leave out what is deleted while they are read', async () => {
    const other = await newStore()
    await other.putMany({ a: 1, b: 2, c: 3, d: 4 })
    const seen: string[] = []
    for await (const { key } of other.entries({ parallel: 1, pageSize: 1 })) {
      seen.push(key)
      if (key === 'a') await other.delete('c')
    }
    expect(seen).toEqual(['a', 'b', 'd'])
  })
})

describe('a batch', () => {
  const { newStore } = useCoatcheck()

  it('reads records in the order of their keys, and missing ones as undefined', async () => {
    const store = await newStore()
    await store.putMany(
      new Map([
        ['a', 1],
        ['b/c', 2],
      ]),
    )
    const found = await store.getMany(['b/c', 'nothing', 'a', 'a'])
    expect([...found].map(([key, record]) => [key, record?.value])).toEqual([
      ['b/c', 2],
      ['nothing', undefined],
      ['a', 1],
    ])
    expect(await store.getMany([])).toEqual(new Map())
  })

  it('stores what comes piece by piece, and never more at a time than it may', async () => {
    let underWay = 0
    let most = 0
    const counting = async (url: string, init: RequestInit): Promise<Response> => {
      underWay += 1
      most = Math.max(most, underWay)
      const response = await fetch(url, init)
      underWay -= 1
      return response
    }
    const store = await newStore({ fetch: counting })
    async function* pairs(): AsyncGenerator<[string, unknown]> {
      for (let index = 0; index < 50; index += 1) yield [`k${index}`, index]
    }
    const written = await store.putMany(pairs(), { parallel: 5 })
    expect(written.size).toBe(50)
    expect(most).toBe(5)
    await expect(store.putMany({ a: 1 }, { parallel: 0 })).rejects.toThrow(RangeError)
  })

  it('tells which writes failed, and begins no others', async () => {
    const store = await newStore()
    const pairs = Array.from({ length: 100 }, (_, index) => [`k${index}`, index] as const)
    const wrong = [...pairs.slice(0, 10), ['x'.repeat(2_401), 1] as const, ...pairs.slice(10)]
    const failure = await store.putMany(wrong, { parallel: 2 }).catch((error) => error)
    expect(failure).toBeInstanceOf(CoatcheckBatchError)
    expect(failure).toMatchObject({ status: 400, type: 'invalid-record-key' })
    expect([...failure.failed.keys()]).toEqual(['x'.repeat(2_401)])
    const stored = await keysOf(store.keys())
    expect(new Set(failure.done.keys())).toEqual(new Set(stored))
    expect(stored.length).toBeLessThan(15)
  })

  it('deletes keys of every spelling, more than a request takes, or all with a prefix', async () => {
    const store = await newStore()
    await store.putMany({ 'a%20b': 1, 'a b': 2, 'p/1': 3, 'p/2': 4, '': 5, '.': 6 })
    const none = Array.from({ length: 10_500 }, (_, index) => `none ${index}`)
    expect(await store.deleteMany([...none, 'a%20b', '', '.'])).toBe(3)
    expect(await keysOf(store.keys())).toEqual(['a b', 'p/1', 'p/2'])
    expect(await store.deleteMany({ prefix: 'p/' })).toBe(2)
    expect(await keysOf(store.keys())).toEqual(['a b'])
    expect(await store.deleteMany([])).toBe(0)
    // A word is no list of letters.
    await expect(store.deleteMany('a b')).rejects.toThrow(TypeError)
    expect(await store.has('a b')).toBe(true)
  })
})

describe('a server that lists without an end', () => {
  it.each([
    ['the same page again', '{"data":{"items":[],"nextExclusiveStartKey":"a"}}'],
    ['no page', '{"data":{"items":5}}'],
    ['a key that is none', '{"data":{"items":[{"key":5}],"nextExclusiveStartKey":null}}'],
    ['no JSON', '<html>'],
  ])('is not believed when it sends %s', async (_, body) => {
    const url = await startHostileServer((_request, response) => void response.end(body))
    const keys = new CoatcheckClient({ url }).store('s').keys()
    await expect(keysOf(keys)).rejects.toMatchObject({ type: 'answer-not-understood' })
  })
})

async function keysOf(listed: AsyncIterable<{ readonly key: string }>): Promise<string[]> {
  return (await Array.fromAsync(listed)).map(({ key }) => key)
}
