import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Remote } from '../../support/network/remote.ts'
import { startTestServer, useTestServer, wireEngines } from '../../support/network/test-server.ts'
import { ChangeStream, type StreamEvent } from '../../support/watching/change-stream.ts'

const json = { 'Content-Type': 'application/json' }

describe.each(wireEngines)('the changes of a store at the Apify door, on %s', (engine) => {
  const server = useTestServer({ engine })
  let storeId = ''
  let count = 0

  beforeEach(async () => {
    count += 1
    storeId = (await server.client().keyValueStores().getOrCreate(`watched-${count}`)).id
  })

  const path = (rest: string): string => `/v2/key-value-stores/${storeId}${rest}`
  const ask = (
    to: string,
    method: string,
    body?: string | Uint8Array,
    headers: Record<string, string> = json,
  ) => {
    const asked = { method, token: server.token(), headers, ...(body !== undefined && { body }) }
    return new Remote(server.url()).send(path(to), asked)
  }
  const put = (key: string, body: string) =>
    ask(`/record?key=${encodeURIComponent(key)}`, 'PUT', body)

  async function open(query = '', lastId?: string): Promise<ChangeStream> {
    const url = server.url() + path(`/changes${query}`)
    const stream = await ChangeStream.open(url, { token: server.token(), lastId })
    onTestFinished(() => stream.close())
    return stream
  }

  const refusal = (query: string, lastId?: string): Promise<string> =>
    open(query, lastId).then(
      () => 'opened',
      (error) => error.message,
    )

  it('begin with where the stream begins, then tell of each change', async () => {
    const stream = await open()
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    expect(stream.headers.get('cache-control')).toBe('no-store')
    const ready = await stream.next()
    expect(ready).toMatchObject({ event: 'ready', id: `${ready?.data.revision}` })
    await put('k', '{\n  "a": 1234567890123456\n}')
    const change = await stream.next()
    const { revision } = change?.data ?? {}
    expect(change).toMatchObject({ id: `${revision}`, event: 'change' })
    expect(change?.data).toEqual({
      key: 'k',
      kind: 'put',
      revision,
      contentType: 'application/json',
      value: { a: 1234567890123456 },
      door: 'apify',
    })
    await ask('/records/k', 'DELETE')
    expect((await stream.next())?.data).toMatchObject({ key: 'k', kind: 'delete', door: 'apify' })
    await ask('/clear', 'POST')
    expect((await stream.next())?.data).toMatchObject({ key: '', kind: 'clear' })
    await ask('', 'DELETE')
    expect((await stream.next())?.data).toMatchObject({ key: '', kind: 'drop' })
    expect(await stream.next()).toBeUndefined()
  })

  it('name the user who made them, if the client asks who and may manage the store', async () => {
    const stream = await open('?who=1')
    await stream.next()
    const me = await new Remote(server.url()).do('/v2/users/me', { token: server.token() })
    await put('k', '1')
    expect((await stream.next())?.data).toMatchObject({ username: me.data.username })
    await ask('/records/k', 'DELETE')
    const { data } = (await stream.next()) ?? {}
    expect(data).toMatchObject({ kind: 'delete', username: me.data.username })
    expect(await refusal('?who=yes')).toMatch(/^400/)
  })

  it('have the values that are short JSON, also compressed ones', async () => {
    const stream = await open()
    await stream.next()
    const longest = JSON.stringify('x'.repeat(4_094))
    await put('longest', longest)
    await put('too-long', `${longest} `)
    await ask('/records/text', 'PUT', 'text', { 'Content-Type': 'text/plain' })
    await ask('/records/zipped', 'PUT', gzipSync(longest), { ...json, 'Content-Encoding': 'gzip' })
    const bomb = gzipSync(Buffer.alloc(2 ** 24, ' '))
    await ask('/records/bomb', 'PUT', bomb.subarray(0), { ...json, 'Content-Encoding': 'gzip' })
    await put('end', '1')
    const events = await stream.until(({ data }) => data.key === 'end')
    const valued = events.filter(({ data }) => 'value' in data).map(({ data }) => data.key)
    expect(valued).toEqual(['longest', 'zipped', 'end'])
  })

  it('have no values if the client wants none, and only keys with the prefix', async () => {
    const stream = await open('?values=0&prefix=a/')
    await stream.next()
    await put('b', '1')
    await put('a/1', '1')
    expect((await stream.next())?.data).toMatchObject({ key: 'a/1', kind: 'put' })
    const [plain] = [await put('a/2', '1'), await stream.next()].slice(1)
    expect(plain).not.toHaveProperty('data.value')
  })

  it('go on behind the last event, by header or query', async () => {
    await put('a', '1')
    const first = await open()
    await put('b', '2')
    await first.until(({ data }) => data.key === 'b')
    const { lastId } = first
    first.close()
    await put('c', '3')
    for (const stream of [
      await open('', lastId),
      await open(`?after=${lastId}`),
      await open('?after=0', lastId),
    ]) {
      expect(await stream.next()).toMatchObject({ event: 'ready', id: lastId })
      expect((await stream.next())?.data.key).toBe('c')
    }
  })

  it('give a part of a large commit no id, so that a client misses nothing of it', async () => {
    const stream = await open()
    await stream.next()
    for (const key of ['a', 'b', 'c']) await put(key, '1')
    await stream.until(({ data }) => data.key === 'c')
    await new Remote(server.url()).do(path('/delete-records'), {
      method: 'POST',
      token: server.token(),
      json: { keys: ['a', 'b', 'c'] },
    })
    const deleted = await stream.until(({ data }) => data.key === 'c')
    const last = new Map(deleted.map((event) => [event.data.revision, event.id]))
    for (const [revision, id] of last) expect(id).toBe(`${revision}`)
  })

  it('are refused where the client goes on behind what is no revision', async () => {
    for (const wrong of ['x', '-1', '1.5', '99999999999999999999', '0x10']) {
      expect(await refusal(`?after=${wrong}`)).toBe('400 invalid-request')
      expect(await refusal('', wrong)).toBe('400 invalid-request')
    }
    expect(await refusal('?values=2')).toBe('400 param-not-one-of')
  })

  it('are to be read again by a client from the future', async () => {
    const stream = await open('?after=9007199254740000')
    expect((await stream.next())?.event).toBe('ready')
    const reset = await stream.next()
    expect(reset).toMatchObject({ event: 'reset', id: `${reset?.data.revision}` })
    await put('k', '1')
    expect((await stream.next())?.data.key).toBe('k')
  })

  it('end with a reason within a second once the right is gone', async () => {
    const { id, token } = await newToken('read')
    const stream = await ChangeStream.open(server.url() + path('/changes'), { token })
    await stream.next()
    await new Remote(server.url()).do(`/coatcheck/v1/tokens/${id}`, {
      method: 'DELETE',
      token: server.token(),
    })
    expect(await stream.next()).toMatchObject({
      event: 'end',
      data: { type: 'user-or-token-not-found' },
    })
    expect(await stream.next()).toBeUndefined()
  })

  async function newToken(action: string): Promise<{ id: string; token: string }> {
    const { data } = await new Remote(server.url()).do('/coatcheck/v1/tokens', {
      method: 'POST',
      token: server.token(),
      json: { name: 'watcher', action, storeId },
    })
    return { id: data.id, token: data.token }
  }

  it('answer a HEAD without watching', async () => {
    const { status, headers } = await ask('/changes', 'HEAD')
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  })

  it('show a client that reconnects every last value, and never go back', async () => {
    let stream = await open()
    const seen = new Map<string, unknown>()
    let latest = 0
    let isWritten = false
    const note = ({ event, data }: StreamEvent): void => {
      if (event !== 'change') return
      expect(data.revision).toBeGreaterThanOrEqual(latest)
      latest = data.revision
      seen.set(data.key, data.value)
    }
    const reading = (async () => {
      for (let read = 0; seen.get('end') !== 'end'; read += 1) {
        if (read % 97 === 96 && !isWritten) {
          const { lastId } = stream
          stream.close()
          stream = await open('', lastId)
        }
        const event = await stream.next()
        if (event) note(event)
      }
    })()
    const last = new Map<string, number>()
    for (let number = 0; number < 2_000; number += 20) {
      const some = Array.from({ length: 20 }, (_, at) => number + at)
      await Promise.all(some.map((one) => put(`key${one % 100}`, `${one}`)))
      for (const one of some) last.set(`key${one % 100}`, one)
    }
    isWritten = true
    await put('end', '"end"')
    await reading
    seen.delete('end')
    expect(seen).toEqual(last)
  })
})

it('a server that stops ends streams at once', async () => {
  const server = await startTestServer()
  const { token, url } = server
  const { data } = await new Remote(url).do('/v2/key-value-stores?name=coats', {
    method: 'POST',
    token,
  })
  const stream = await ChangeStream.open(`${url}/v2/key-value-stores/${data.id}/changes`, { token })
  await stream.next()
  const ended = stream.next()
  await server.close()
  // A stream that were cut off at the end of the server's patience would reject.
  expect(await ended).toBeUndefined()
})
