import { beforeAll, describe, expect, it } from 'vitest'
import type { Answered } from '../../support/network/remote.ts'
import { engines, useTestServer } from '../../support/network/test-server.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'

describe.each(engines)('update_key_value of a page, on %s', (engine) => {
  const server = useTestServer({ engine })
  let project: ApplabProject

  beforeAll(async () => {
    project = await ApplabProject.create(
      { url: server.url(), token: server.token() },
      {
        rules: [
          { prefix: 'raise/', preset: 'only-raise' },
          { prefix: 'once/', preset: 'write-once' },
          { prefix: 'log/', preset: 'append-only' },
          { prefix: 'fixed/', preset: 'read-only' },
        ],
      },
    )
  })

  const update = (key: string, change: unknown, headers = {}): Promise<Answered> => {
    const text = typeof change === 'string' ? change : JSON.stringify(change)
    const parameters = { key, update: text }
    return project.send('update_key_value', { method: 'POST', parameters, headers })
  }
  const increment = (by = 1): unknown => ({ op: 'increment', by })

  it('is answered with the new value and its ETag', async () => {
    const { status, text, headers } = await update('visits', increment(2))
    expect([status, text]).toEqual([200, '2'])
    const read = await project.send('get_key_value', { parameters: { key: 'visits' } })
    expect([read.text, read.headers.get('etag')]).toEqual(['2', headers.get('etag')])
  })

  it('counts every call of many pages', async () => {
    const all = await Promise.all(Array.from({ length: 60 }, () => update('many', increment())))
    expect(new Set(all.map(({ text }) => text)).size).toBe(60)
    expect(await project.get('many')).toBe(60)
  })

  it('keeps the last items of a list', async () => {
    for (const item of ['a', 'b', 'c']) await update('chat', { op: 'append', item, keepLast: 2 })
    expect(await project.get('chat')).toEqual(['b', 'c'])
  })

  it('takes null, which pages never see, for no value', async () => {
    const path = `/v2/key-value-stores/${project.storeId}/records/nothing`
    const headers = {
      Authorization: `Bearer ${server.token()}`,
      'Content-Type': 'application/json',
    }
    await fetch(server.url() + path, { method: 'PUT', body: 'null', headers })
    expect((await update('nothing', increment(3))).text).toBe('3')
  })

  it('obeys the rules for pages', async () => {
    expect((await update('raise/score', increment(5))).text).toBe('5')
    expect(refusalOf(await update('raise/score', increment(-1)))?.status).toBe(403)
    expect((await update('raise/score', { op: 'max', value: 3 })).text).toBe('5')
    expect(refusalOf(await update('raise/score', { op: 'min', value: 3 }))?.status).toBe(403)
    expect(await project.get('raise/score')).toBe(5)
    expect((await update('once/a', increment())).status).toBe(200)
    expect(refusalOf(await update('once/a', increment()))?.status).toBe(403)
    expect((await update('log/a', { op: 'append', item: 1 })).text).toBe('[1]')
    expect((await update('log/a', { op: 'append', item: 2 })).text).toBe('[1,2]')
    const dropping = await update('log/a', { op: 'append', item: 3, keepLast: 1 })
    expect(refusalOf(dropping)?.status).toBe(403)
    expect(await project.get('log/a')).toEqual([1, 2])
    expect(refusalOf(await update('fixed/a', increment()))?.status).toBe(403)
  })

  it('is made once with an Idempotency-Key, also where a rule allows it once', async () => {
    for (const key of ['plain', 'once/b', 'raise/b']) {
      const headers = { 'Idempotency-Key': 'a-name' }
      const first = await update(key, increment(), headers)
      const again = await update(key, increment(), headers)
      expect([again.status, again.text]).toEqual([200, '1'])
      expect(again.headers.get('etag')).toBe(first.headers.get('etag'))
      expect(again.headers.get('idempotency-replayed')).toBe('true')
      const other = await update(key, increment(2), headers)
      expect(refusalOf(other)).toEqual({ status: 422, type: 'IDEMPOTENCY_KEY_REUSED' })
    }
  })

  it('set and delete are made once, too', async () => {
    const headers = { 'Idempotency-Key': 'set' }
    const set = (): Promise<Answered> =>
      project.send('set_key_value', { parameters: { key: 'once/c', value: '1' }, headers })
    const [first, again] = [await set(), await set()]
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text])
    const remove = (): Promise<Answered> =>
      project.send('set_key_value', {
        parameters: { key: 'gone', value: 'null' },
        headers: { 'Idempotency-Key': 'remove' },
      })
    await project.set('gone', 1)
    await remove()
    await project.set('gone', 2)
    expect((await remove()).status).toBe(200)
    expect(await project.get('gone')).toBe(2)
  })

  it('takes If-Match', async () => {
    const tag = (await update('tagged', increment())).headers.get('etag') ?? ''
    expect((await update('tagged', increment(), { 'If-Match': tag })).text).toBe('2')
    const late = await update('tagged', increment(), { 'If-Match': tag })
    expect(refusalOf(late)).toEqual({ status: 412, type: 'CONDITION_FAILED' })
  })

  it.each([
    ['a text', '"5"', increment(), 409, 'WRONG_VALUE_TYPE'],
    ['beyond all numbers', '1e308', '{"op":"increment","by":1.7e308}', 409, 'NUMBER_OUT_OF_RANGE'],
    ['no update', '1', '', 400, 'VALUE_INVALID'],
    ['no JSON', '1', '{', 400, 'VALUE_INVALID'],
    ['an unknown one', '1', { op: 'square' }, 400, 'UPDATE_INVALID'],
    ['to null', '1', { op: 'merge', patch: null }, 400, 'UPDATE_INVALID'],
    ['too long', '[]', { op: 'append', item: 'x'.repeat(4_096) }, 400, 'MAX_VALUE_LENGTH_EXCEEDED'],
    [
      'a patch that fails',
      '{}',
      { op: 'patch', operations: [{ op: 'remove', path: '/a' }] },
      409,
      'PATCH_FAILED',
    ],
  ])('is refused: %s', async (_, before, change, status, type) => {
    await project.set('refused', JSON.parse(before))
    const refused = await update('refused', change)
    expect(refusalOf(refused)).toEqual({ status, type })
    expect(await project.get('refused')).toEqual(JSON.parse(before))
  })
})
