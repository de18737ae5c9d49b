import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { PlainReply } from '../../support/network/plain-request.ts'
import { engines } from '../../support/network/test-server.ts'
import { useTestStore } from '../../support/network/test-store.ts'
import { ApplabProject } from '../../support/pages/applab-project.ts'

/**
 * RFC 9110, 8.8.2.2: a date has seconds only, so it does not name a version if there were several
 * in its second. The server must know that before it takes the date for one.
 */
describe.each(engines)('dates as validators, on %s', (engine) => {
  const { server, storeId, path, ask, get, put } = useTestStore({ engine })

  const dateOf = ({ headers }: PlainReply): string => headers['last-modified'] ?? ''

  /** Waits until a second has just begun, so that what follows happens in that second. */
  async function secondBegins(): Promise<void> {
    const now = Date.now() % 1_000
    if (now > 300) await sleep(1_000 - now + 5)
  }

  /** Runs `work` until all of it happened in one second. Returns the date of that second. */
  async function inOneSecond(key: string, work: () => Promise<unknown>): Promise<string> {
    for (;;) {
      await secondBegins()
      await put(key, 'AAAA')
      const date = dateOf(await get(key))
      await work()
      if (dateOf(await get(key)) === date) return date
    }
  }

  it.each([
    ['overwritten', async (key: string) => put(key, 'BBBB')],
    [
      'deleted and stored again',
      async (key: string) => {
        await ask(path(key), { method: 'DELETE' })
        await put(key, 'BBBB')
      },
    ],
    [
      'deleted by its name and stored again',
      async (key: string) => {
        const deleted = { keys: [key] }
        const headers = { 'Content-Type': 'application/json' }
        const target = `/v2/key-value-stores/${storeId()}/delete-records`
        await ask(target, { method: 'POST', body: JSON.stringify(deleted), headers })
        await put(key, 'BBBB')
      },
    ],
    [
      'gone with all records of its store and stored again',
      async (key: string) => {
        await ask(`/v2/key-value-stores/${storeId()}/clear`, { method: 'POST' })
        await put(key, 'BBBB')
      },
    ],
  ])('name no version of a record that was %s in that second', async (what, change) => {
    const key = what.replaceAll(' ', '-')
    const date = await inOneSecond(key, () => change(key))
    const range = { Range: 'bytes=2-', 'If-Range': date }
    const part = await get(key, range)
    expect([part.status, part.body.toString()]).toEqual([200, 'BBBB'])
    const known = await get(key, { 'If-Modified-Since': date })
    expect([known.status, known.body.toString()]).toEqual([200, 'BBBB'])
    expect((await get(key, { 'If-Unmodified-Since': date })).status).toBe(412)
    const unmodified = { 'If-Unmodified-Since': date }
    expect((await put(key, 'CCCC', unmodified)).status).toBe(412)
    const remove = { method: 'DELETE', headers: unmodified }
    expect((await ask(path(key), remove)).status).toBe(412)
    const both = { ...unmodified, 'If-None-Match': '"1"' }
    expect((await put(key, 'CCCC', both)).status).toBe(412)
    expect((await get(key)).body.toString()).toBe('BBBB')
  })

  it('name the version of a record that was the only one of its second', async () => {
    await put('ONLY', 'older')
    await sleep(1_100)
    await put('ONLY', 'AAAA')
    await put('OTHER', 'another record of this second')
    const date = dateOf(await get('ONLY'))
    expect((await get('ONLY', { Range: 'bytes=2-', 'If-Range': date })).status).toBe(206)
    expect((await get('ONLY', { 'If-Modified-Since': date })).status).toBe(304)
    expect((await get('ONLY', { 'If-Unmodified-Since': date })).status).toBe(200)
    expect((await put('ONLY', 'BBBB', { 'If-Unmodified-Since': date })).status).toBe(201)
  })

  it('later than the version allow what they always allowed', async () => {
    await put('LATER', 'AAAA')
    const later = new Date(Date.now() + 60_000).toUTCString()
    expect((await get('LATER', { 'If-Modified-Since': later })).status).toBe(304)
    expect((await get('LATER', { 'If-Unmodified-Since': later })).status).toBe(200)
    for (const value of ['BBBB', 'CCCC']) {
      expect((await put('LATER', value, { 'If-Unmodified-Since': later })).status).toBe(201)
    }
    const none = await put('NONE', 'AAAA', { 'If-Unmodified-Since': later })
    expect(none.status).toBe(201)
  })

  it('only one of many writes replaces the version that all expect', async () => {
    await put('RACE', 'AAAA')
    await sleep(1_100)
    await put('RACE', 'BBBB')
    const date = dateOf(await get('RACE'))
    const writes = Array.from({ length: 16 }, (_, index) =>
      put('RACE', `${index}`, { 'If-Unmodified-Since': date }),
    )
    const statuses = (await Promise.all(writes)).map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([201, ...Array(15).fill(412)])
  })

  it('mean the same at App Lab', async () => {
    const project = await ApplabProject.create({ url: server.url(), token: server.token() })
    const set = async (value: number, headers = {}): Promise<number> => {
      const parameters = { key: 'k', value: `${value}` }
      return (await project.send('set_key_value', { parameters, headers })).status
    }
    const record = `/v2/key-value-stores/${project.storeId}/records/k`
    for (;;) {
      await secondBegins()
      await set(1)
      const date = dateOf(await ask(record))
      await set(2)
      if (dateOf(await ask(record)) !== date) continue
      expect(await set(3, { 'If-Unmodified-Since': date })).toBe(412)
      const headers = { 'If-Modified-Since': date }
      const read = await project.send('get_key_value', { parameters: { key: 'k' }, headers })
      expect([read.status, read.text]).toEqual([200, '2'])
      return
    }
  })
})
