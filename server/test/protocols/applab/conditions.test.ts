import { beforeAll, describe, expect, it } from 'vitest'
import { type Answered, Remote } from '../../support/network/remote.ts'
import { engines, useTestServer } from '../../support/network/test-server.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'

const failed = { status: 412, type: 'CONDITION_FAILED' }

describe.each(engines)('conditional requests of a page, on %s', (engine) => {
  const server = useTestServer({ engine })
  let project: ApplabProject

  beforeAll(async () => {
    project = await ApplabProject.create(
      { url: server.url(), token: server.token() },
      { rules: [{ prefix: 'raise/', preset: 'only-raise' }] },
    )
  })

  function set(key: string, value: unknown, headers = {}): Promise<Answered> {
    const parameters = { key, value: JSON.stringify(value) }
    return project.send('set_key_value', { parameters, headers })
  }

  function get(key: string, headers = {}): Promise<Answered> {
    return project.send('get_key_value', { parameters: { key }, headers })
  }

  it('get: the reply has an ETag, and is 304 if the page has that value', async () => {
    const { headers } = await set('k', 'one')
    const tag = headers.get('etag') ?? ''
    expect(tag).toMatch(/^"\d+"$/)
    const read = await get('k')
    expect([read.text, read.headers.get('etag')]).toEqual(['"one"', tag])
    const same = await get('k', { 'If-None-Match': tag })
    expect([same.status, same.text, same.headers.get('etag')]).toEqual([304, '', tag])
    await set('k', 'two')
    const other = await get('k', { 'If-None-Match': tag })
    expect([other.status, other.text]).toEqual([200, '"two"'])
    expect(refusalOf(await get('k', { 'If-Match': tag }))).toEqual(failed)
    const none = await get('none', { 'If-None-Match': tag })
    expect([none.status, none.text, none.headers.get('etag')]).toEqual([200, 'null', null])
    expect(refusalOf(await get('none', { 'If-Match': '*' }))).toEqual(failed)
  })

  it('ETags are the same as those of the Apify door', async () => {
    const tag = (await set('shared', 1)).headers.get('etag')
    const path = `/v2/key-value-stores/${project.storeId}/records/shared`
    const record = await new Remote(server.url()).send(path, { token: server.token() })
    expect(record.headers.get('etag')).toBe(tag)
  })

  it.each(['', 'raise/'])(
    'set: only over the value that the page knows, under %j',
    async (prefix) => {
      const key = `${prefix}counted`
      const first = await set(key, 1, { 'If-None-Match': '*' })
      expect(first.status).toBe(200)
      expect(refusalOf(await set(key, 9, { 'If-None-Match': '*' }))).toEqual(failed)
      const tag = first.headers.get('etag') ?? ''
      expect((await get(key, { 'If-Match': `W/${tag}` })).status).toBe(200)
      const second = await set(key, 2, { 'If-Match': `W/${tag}` })
      expect(second.status).toBe(200)
      expect(refusalOf(await set(key, 9, { 'If-Match': tag }))).toEqual(failed)
      expect(refusalOf(await set(key, 9, { 'If-Match': `W/${tag}` }))).toEqual(failed)
      expect((await set(key, 3, { 'If-Match': '*' })).status).toBe(200)
      expect(refusalOf(await set(`${key}/none`, 9, { 'If-Match': '*' }))).toEqual(failed)
      expect(await project.get(key)).toBe(3)
      expect(await project.get(`${key}/none`)).toBe(null)
    },
  )

  it('set to null: only the value that the page knows is deleted', async () => {
    const tag = (await set('gone', 1)).headers.get('etag') ?? ''
    await set('gone', 2)
    expect(refusalOf(await set('gone', null, { 'If-Match': tag }))).toEqual(failed)
    expect(await project.get('gone')).toBe(2)
    const now = (await get('gone')).headers.get('etag') ?? ''
    expect((await set('gone', null, { 'If-Match': now })).status).toBe(200)
    expect(await project.get('gone')).toBe(null)
  })

  it('30 pages count up with retries: no count is lost', async () => {
    await set('count', 0)
    const addOne = async (): Promise<void> => {
      for (;;) {
        const { text, headers } = await get('count')
        const asked = { 'If-Match': headers.get('etag') ?? '' }
        if ((await set('count', JSON.parse(text) + 1, asked)).status === 200) return
      }
    }
    await Promise.all(Array.from({ length: 30 }, addOne))
    expect(await project.get('count')).toBe(30)
  })

  it('an invalid ETag is refused', async () => {
    for (const reply of [
      await set('k', 1, { 'If-Match': 'x' }),
      await get('k', { 'If-Match': 'x' }),
    ]) {
      expect(refusalOf(reply)).toEqual({ status: 400, type: 'INVALID_REQUEST' })
    }
  })
})
