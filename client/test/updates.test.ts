import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CuttingProxy } from '../../server/test/support/network/cutting-proxy.ts'
import { useCoatcheck } from './http-support.ts'

describe('an update of CoatcheckStore', () => {
  const { newStore } = useCoatcheck()

  it('adds to numbers, exactly', async () => {
    const store = await newStore()
    expect(await store.update('n', { op: 'increment' })).toEqual({
      value: 1,
      text: '1',
      revision: expect.any(Number),
      etag: expect.stringMatching(/^"\d+"$/),
      isReplayed: false,
    })
    expect((await store.update('n', { op: 'increment', by: -3 })).value).toBe(-2)
    await store.putJson('n', 9007199254740993n)
    expect((await store.update('n', { op: 'increment', by: 1n })).value).toBe(9007199254740994n)
    await store.putJson('n', 0.1)
    expect((await store.update('n', { op: 'increment', by: 0.2 })).text).toBe('0.3')
    const head = await store.head('n')
    expect((await store.update('n', { op: 'increment', by: 0 })).revision).toBe(head?.revision)
  })

  it('loses none of those that come at once', async () => {
    const store = await newStore()
    await Promise.all(Array.from({ length: 200 }, () => store.update('n', { op: 'increment' })))
    expect(await store.getJson('n')).toBe(200)
  })

  it('keeps the highest and the lowest', async () => {
    const store = await newStore()
    for (const value of [5, 3, 9007199254740993n, 7])
      await store.update('max', { op: 'max', value })
    for (const value of [5, 3, 7]) await store.update('min', { op: 'min', value })
    expect(await store.getJson('max')).toBe(9007199254740993n)
    expect(await store.getJson('min')).toBe(3)
  })

  it('appends, and keeps the last items', async () => {
    const store = await newStore()
    for (const item of [1, 'two', { three: 3 }, null]) {
      await store.update('list', { op: 'append', item, keepLast: 3 })
    }
    expect(await store.getJson('list')).toEqual(['two', { three: 3 }, null])
  })

  it('merges objects, and removes members that are null', async () => {
    const store = await newStore()
    await store.update('o/😀', { op: 'mergePatch', patch: { a: 1, b: { c: 2 } } })
    const { value } = await store.update('o/😀', {
      op: 'mergePatch',
      patch: { a: null, b: { d: 3 } },
    })
    expect(value).toEqual({ b: { c: 2, d: 3 } })
  })

  it('makes all steps of a JSON Patch or none', async () => {
    const store = await newStore()
    await store.put('o', { a: 1 })
    const good = await store.update('o', {
      op: 'jsonPatch',
      patch: [
        { op: 'test', path: '/a', value: 1 },
        { op: 'add', path: '/list', value: [1] },
        { op: 'copy', from: '/list', path: '/copy' },
        { op: 'move', from: '/a', path: '/b' },
        { op: 'replace', path: '/list/0', value: 2 },
        { op: 'remove', path: '/copy' },
      ],
    })
    expect(good.value).toEqual({ b: 1, list: [2] })
    const bad = store.update('o', {
      op: 'jsonPatch',
      patch: [
        { op: 'remove', path: '/b' },
        { op: 'test', path: '/list', value: 5 },
      ],
    })
    await expect(bad).rejects.toMatchObject({ status: 409, type: 'patch-failed' })
    expect(await store.getJson('o')).toEqual(good.value)
  })

  it('is refused where it makes no sense, or its condition is not met', async () => {
    const store = await newStore()
    await store.put('text', 'hello')
    const onText = store.update('text', { op: 'increment' })
    await expect(onText).rejects.toMatchObject({ status: 409, type: 'wrong-value-type' })
    const missing = store.update('nothing', { op: 'jsonPatch', patch: [] })
    await expect(missing).rejects.toMatchObject({ status: 404, type: 'record-not-found' })
    const { revision } = await store.update('n', { op: 'increment' })
    await store.update('n', { op: 'increment' }, { ifRevision: revision })
    const stale = store.update('n', { op: 'increment' }, { ifRevision: revision })
    await expect(stale).rejects.toMatchObject({ status: 412, type: 'condition-failed' })
    const nothing = store.update('n', { op: 'append', item: undefined, keepLast: 0 })
    await expect(nothing).rejects.toMatchObject({ status: 400, type: 'invalid-request' })
  })
})

describe('a write whose answer is lost', () => {
  const { server, client, newStore } = useCoatcheck()
  let proxy: CuttingProxy
  beforeEach(async () => {
    proxy = await CuttingProxy.start(Number(new URL(server().url).port))
  })
  afterEach(() => proxy.stop())

  /** Cuts the first connection on which this method is used, once the server has the request. */
  function cutOnce(method: string): void {
    let isCut = false
    proxy.cutAt = (sent) => {
      if (isCut || !sent.toString('latin1').startsWith(method)) return 'no'
      isCut = true
      return 'after'
    }
  }

  it('is done once', async () => {
    const { id } = await (await newStore()).info()
    const store = client({ url: `http://127.0.0.1:${proxy.port}` }).store(id)
    cutOnce('PATCH')
    expect(await store.update('n', { op: 'increment' })).toMatchObject({
      value: 1,
      isReplayed: true,
    })
    expect(await store.getJson('n')).toBe(1)
    cutOnce('PUT')
    // Without the idempotency key, the second attempt would find the record of the first.
    const first = await store.put('k', 'here', { ifAbsent: true })
    expect(first).toMatchObject({ isReplayed: true })
    expect(await store.head('k')).toMatchObject({ revision: first.revision })
    cutOnce('DELETE')
    await store.delete('k', { ifRevision: first.revision })
    expect(await store.has('k')).toBe(false)
  })

  it('is done once by a program that is started again, if it names the write', async () => {
    const store = await newStore()
    for (const isReplayed of [false, true]) {
      const paid = await store.update(
        'paid',
        { op: 'increment', by: 5 },
        { idempotencyKey: 'order-17' },
      )
      expect(paid).toMatchObject({ value: 5, isReplayed })
    }
    const other = store.update('paid', { op: 'increment', by: 6 }, { idempotencyKey: 'order-17' })
    await expect(other).rejects.toMatchObject({ status: 422, type: 'idempotency-key-reused' })
  })
})
