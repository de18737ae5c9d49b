import { gzipSync } from 'node:zlib'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Answered, errorTypeOf, Remote } from '../../support/network/remote.ts'
import { engines, useTestServer } from '../../support/network/test-server.ts'
import { TestProject } from '../../support/pages/project.ts'

const jsonHeaders = { 'Content-Type': 'application/json' }

describe.each(engines)('the pairs of a project, on %s', (engine) => {
  const server = useTestServer({ engine })
  let remote: Remote
  let project: TestProject

  beforeAll(() => {
    remote = new Remote(server.url())
  })
  beforeEach(async () => {
    project = await TestProject.create(remote, { token: server.token() })
  })

  const send = (part: string, body: string, method = 'POST'): Promise<Answered> =>
    project.send(part, { method, body, headers: jsonHeaders })
  const sent = async (part: string, body: string, method = 'POST'): Promise<unknown> => {
    const { status, text } = await send(part, body, method)
    expect([status, text]).toEqual([200, expect.stringContaining('data')])
    return JSON.parse(text).data
  }
  const refusal = async (answer: Promise<Answered>): Promise<string> => {
    const { status, text } = await answer
    return `${status} ${errorTypeOf({ text })}`
  }

  it('are imported from an object of values by keys, and exported as one', async () => {
    const pairs = '{"click_count":5,"button_color":"blue","list":[1,null],"":{"a":false}}'
    expect(await sent('/import', pairs)).toEqual({ added: 4, overwritten: 0, kept: 0, leftOut: 0 })
    const { headers, text } = await project.send('/export')
    expect(JSON.parse(text)).toEqual(JSON.parse(pairs))
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="game(-\d+)?\.json"$/)
    expect(await project.do('')).toMatchObject({ pairCount: 4 })
  })

  it('may be imported from a file that begins with a byte order mark', async () => {
    expect(await sent('/import', '\ufeff{"a": 1}')).toMatchObject({ added: 1 })
    expect(await project.pairs()).toEqual({ a: 1 })
  })

  it('are empty at first', async () => {
    expect((await project.send('/export')).text).toBe('{}')
    expect(await sent('/import', '{}')).toEqual({ added: 0, overwritten: 0, kept: 0, leftOut: 0 })
  })

  it('are not overwritten by an import, unless it asks to overwrite', async () => {
    await sent('/import', '{"click_count": 1}')
    const seeds = '{"click_count": 5, "more": 2}'
    expect(await sent('/import', seeds)).toEqual({ added: 1, overwritten: 0, kept: 1, leftOut: 0 })
    expect(await project.pairs()).toEqual({ click_count: 1, more: 2 })
    expect(await sent('/import?overwrite=1', '{"click_count": 5, "third": 3}')).toEqual({
      added: 1,
      overwritten: 1,
      kept: 0,
      leftOut: 0,
    })
    expect(await project.pairs()).toEqual({ click_count: 5, more: 2, third: 3 })
  })

  it('lose nothing in import and export: numbers, names, order of members', async () => {
    const text =
      '{"__proto__":{"b":1.50,"a":9007199254740993},"constructor":1e400,"🧥/ü":"\\u00fc"}'
    await sent('/import', text)
    expect((await project.send('/export')).text).toBe(text)
    await sent('/seed', text, 'PUT')
    expect((await project.send('/seed')).text).toBe(text)
  })

  it('are never null: an import leaves nulls out and returns their number', async () => {
    const pairs = '{"a":null,"b":1,"c":null,"d":[null],"e":"null"}'
    expect(await sent('/import', pairs)).toMatchObject({ added: 3, leftOut: 2 })
    expect(await project.pairs()).toEqual({ b: 1, d: [null], e: 'null' })
    const over = await sent('/import?overwrite=1', '{"b":null}')
    expect(over).toEqual({ added: 0, overwritten: 0, kept: 0, leftOut: 1 })
    expect(await project.pairs()).toMatchObject({ b: 1 })
    expect(await sent('/seed', pairs, 'PUT')).toEqual({ pairs: 3, leftOut: 2 })
    expect((await project.send('/seed')).text).toBe('{"b":1,"d":[null],"e":"null"}')
  })

  it('include the records of other doors that are JSON', async () => {
    await project.put('text', { body: 'plain', headers: { 'Content-Type': 'text/plain' } })
    await project.put('packed', {
      body: gzipSync('{"a":1}'),
      headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
    })
    await project.put('broken', { body: '1,"admin":true', headers: jsonHeaders })
    await project.put('no gzip', {
      body: 'no',
      headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
    })
    await project.put('bytes', { body: 'x', headers: { 'Content-Type': 'image/png' } })
    expect(await project.pairs()).toEqual({ text: 'plain', packed: { a: 1 } })
    expect(await project.do('')).toMatchObject({ pairCount: 5 })
  })

  it('can be 3,456 in one import and export', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 3_456 }, (_, at) => [`key ${at}`, `${at}`]),
    )
    expect(await sent('/import', JSON.stringify(many))).toMatchObject({ added: 3_456 })
    expect(await project.pairs()).toEqual(many)
    expect(await sent('/import', JSON.stringify(many))).toMatchObject({ added: 0, kept: 3_456 })
  })

  it('can be imported from an object only', async () => {
    for (const part of ['/import', '/seed']) {
      const method = part === '/seed' ? 'PUT' : 'POST'
      for (const body of ['', '[]', '5', '{', '{"a":}', '{"a":undefined}']) {
        expect(await refusal(send(part, body, method)), `${part} ${body}`).toBe(
          '400 invalid-request',
        )
      }
      const typeless = project.send(part, { method, body: '{}' })
      expect(await refusal(typeless)).toBe('415 invalid-content-type-header')
    }
    const long = JSON.stringify({ fine: 1, ['k'.repeat(2_401)]: 1 })
    expect(await refusal(send('/import', long))).toBe('400 invalid-record-key')
    expect(await project.pairs()).toEqual({})
  })
})

describe.each(engines)('the seed of a project, on %s', (engine) => {
  const server = useTestServer({ engine })
  let project: TestProject

  beforeEach(async () => {
    project = await TestProject.create(new Remote(server.url()), { token: server.token() })
  })

  const reset = (): Promise<Answered> => project.send('/reset', { method: 'POST' })
  const putSeed = (json: unknown): Promise<unknown> => project.do('/seed', { method: 'PUT', json })
  const refusal = ({ status, text }: Answered): string => `${status} ${errorTypeOf({ text })}`

  it('fills an empty project; a project with pairs gets it only by a reset', async () => {
    expect(refusal(await reset())).toBe('404 record-not-found')
    expect(refusal(await project.send('/seed'))).toBe('404 record-not-found')
    expect(await putSeed({ click_count: 5, button_color: 'blue' })).toEqual({
      pairs: 2,
      leftOut: 0,
    })
    expect(await project.pairs()).toEqual({ click_count: 5, button_color: 'blue' })
    await project.put('click_count', { json: 7 })
    await project.put('more', { json: 1 })
    await putSeed({ click_count: 0 })
    expect(await project.pairs()).toEqual({ click_count: 7, button_color: 'blue', more: 1 })
    expect(await project.do('/reset', { method: 'POST' })).toEqual({ removed: 3, pairs: 1 })
    expect(await project.pairs()).toEqual({ click_count: 0 })
    expect(await project.do('')).toMatchObject({ hasSeed: true, pairCount: 1 })
  })

  it('may be empty, and may be removed', async () => {
    await project.put('a', { json: 1 })
    await putSeed({})
    expect(await project.do('/reset', { method: 'POST' })).toEqual({ removed: 1, pairs: 0 })
    expect((await project.send('/seed')).text).toBe('{}')
    await project.put('a', { json: 1 })
    expect((await project.send('/seed', { method: 'DELETE' })).status).toBe(204)
    expect(refusal(await reset())).toBe('404 record-not-found')
    expect(await project.pairs()).toEqual({ a: 1 })
    expect(await project.do('')).toMatchObject({ hasSeed: false })
  })

  it('has limits', async () => {
    const put = async (json: unknown): Promise<string> =>
      refusal(await project.send('/seed', { method: 'PUT', json }))
    expect(await put({ a: 'x'.repeat(1_048_576) })).toBe('400 invalid-value')
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [at, at]))
    expect(await put(many)).toBe('409 limit-reached')
    expect(await put({ ['k'.repeat(2_401)]: 1 })).toBe('400 invalid-record-key')
    expect(await project.do('')).toMatchObject({ hasSeed: false })
  })

  it('is restored as a whole: a reader meanwhile sees all of it or nothing of it', async () => {
    const seed = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`k${at}`, 'seed']))
    await putSeed(seed)
    for (let round = 0; round < 5; round += 1) {
      const changed = JSON.stringify(
        Object.fromEntries(Object.keys(seed).map((key) => [key, round])),
      )
      const headers = jsonHeaders
      await project.send('/import?overwrite=1', { method: 'POST', body: changed, headers })
      const [, ...reads] = await Promise.all([reset(), project.pairs(), project.pairs()])
      for (const pairs of reads) expect(new Set(Object.values(pairs)).size).toBe(1)
      expect(await project.pairs()).toEqual(seed)
    }
  })
})
