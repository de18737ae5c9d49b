import { afterAll, describe, expect, it } from 'vitest'
import { limits } from '../../core/kernel/limits.ts'
import { JsonSchemas, type Verdict } from './json-schema.ts'

describe('JSON Schemas', () => {
  const jsonSchemas = new JsonSchemas()
  /** Has one process for all checks, and so one cache. */
  const patient = new JsonSchemas({ quickMsMax: limits.jsonSchemaCheckMsMax })
  afterAll(async () => {
    await jsonSchemas.close()
    await patient.close()
  })

  interface Asked {
    readonly schema: unknown
    readonly text: string
    readonly owner?: string
  }

  const check = (id: string, asked: Asked): Promise<Verdict> => checkBy(jsonSchemas, id, asked)

  const checkPatiently = (id: string, asked: Asked): Promise<Verdict> => checkBy(patient, id, asked)

  function checkBy(
    schemas: JsonSchemas,
    id: string,
    { schema, text, owner = 'ann' }: Asked,
  ): Promise<Verdict> {
    return schemas.check(Buffer.from(text), { id, schema: JSON.stringify(schema), owner })
  }

  it('are cached by id, and sent again if the process does not have them', async () => {
    const schema = { type: 'number' }
    expect(await checkPatiently('number', { schema, text: '1' })).toEqual({ isSound: true })
    expect(await checkPatiently('number', { schema: { type: 'string' }, text: '2' })).toEqual({
      isSound: true,
    })
    expect(await checkPatiently('other', { schema, text: '"1"' })).toMatchObject({
      isSound: false,
      reason: expect.stringContaining('must be number'),
    })
  })

  it('are cached up to a bound, those that were used last', async () => {
    const large = { description: 'x'.repeat(limits.compiledJsonSchemasBytesMax / 8 - 100) }
    for (let n = 0; n < 8; n += 1) await checkPatiently(`large-${n}`, { schema: large, text: '1' })
    await checkPatiently('large-0', { schema: large, text: '1' })
    await checkPatiently('large-8', { schema: large, text: '1' })
    const isKept = async (id: string): Promise<boolean> =>
      (await checkPatiently(id, { schema: false, text: '1' })).isSound
    expect([await isKept('large-0'), await isKept('large-1')]).toEqual([true, false])
  })

  it('take only JSON in strict UTF-8, with or without a byte order mark', async () => {
    expect(await check('any', { schema: {}, text: '\ufeff[1]' })).toEqual({ isSound: true })
    for (const bytes of [Buffer.from([0x22, 0xff, 0x22]), Buffer.from('{'), Buffer.alloc(0)]) {
      const verdict = await jsonSchemas.check(bytes, { id: 'any', schema: '{}', owner: 'ann' })
      expect(verdict).toMatchObject({ reason: expect.stringContaining('not JSON') })
    }
  })

  it('see only own members, not those of prototypes', async () => {
    const schema = { required: ['toString'] }
    expect(await check('own', { schema, text: '{}' })).toMatchObject({ isSound: false })
    expect(await check('own', { schema, text: '{"toString":1}' })).toEqual({ isSound: true })
  })

  // On a slow machine, a check may run out of time before it runs out of memory.
  it.each([
    ['more time', { pattern: '^(a|a)*$' }, JSON.stringify(`${'a'.repeat(50)}!`), /too long/],
    ['more memory', {}, `[${'{},'.repeat(8_000_000)}{}]`, /too (long|much memory)/],
  ])('stop a check that takes %s than allowed, and answer the next one', async (...row) => {
    const [id, schema, text, reason] = row
    const why = expect.stringMatching(reason)
    expect(await check(id, { schema, text })).toEqual({ isSound: false, reason: why })
    expect(await check('any', { schema: {}, text: '1' })).toEqual({ isSound: true })
  })

  it('take turns, so that none keeps all others waiting', async () => {
    const order: string[] = []
    const ask = (id: string): Promise<unknown> =>
      check(id, { schema: {}, text: '1' }).then(() => order.push(id))
    await Promise.all([ask('busy'), ask('busy'), ask('busy'), ask('busy'), ask('other')])
    expect(order).toEqual(['busy', 'busy', 'other', 'busy', 'busy'])
  })

  it('take turns by owner, so that many schemas of one do not keep others waiting', async () => {
    const order: string[] = []
    const ask = (id: string, owner: string): Promise<unknown> =>
      check(id, { schema: {}, text: '1', owner }).then(() => order.push(owner))
    const hostile = ['a', 'b', 'c', 'd'].map((id) => ask(id, 'hostile'))
    await Promise.all([...hostile, ask('e', 'healthy')])
    expect(order.slice(0, 3)).toContain('healthy')
  })

  it('are checked beside those of owners whose checks do not end', async () => {
    const order: string[] = []
    const text = JSON.stringify(`${'a'.repeat(50)}!`)
    const hostile = Array.from({ length: 3 }, (_, index) =>
      check(`endless-${index}`, { schema: { pattern: '^(a+)+$' }, text, owner: 'hostile' }).then(
        (verdict) => order.push(JSON.stringify(verdict)),
      ),
    )
    for (let count = 0; count < 5; count += 1) {
      await check('healthy', { schema: { type: 'number' }, text: '1', owner: 'healthy' })
      // In one queue, even the first would wait for all of them.
      expect(order.length).toBeLessThan(3)
    }
    await Promise.all(hostile)
    expect(order).toEqual(Array(3).fill('{"isSound":false,"reason":"checking it takes too long"}'))
  }, 60_000)

  it('refuse one owner when too much of it waits, and nobody else', async () => {
    const large = Buffer.alloc(limits.jsonSchemaQueueBytesOwnerMax - 100, ' ')
    const own = { id: 'any', schema: '{}' }
    const first = jsonSchemas.check(large, { ...own, owner: 'hostile' })
    const second = jsonSchemas.check(Buffer.from('1'), { ...own, owner: 'hostile' })
    await expect(second).rejects.toMatchObject({ code: 'store-busy' })
    const other = jsonSchemas.check(Buffer.from('1'), { ...own, owner: 'healthy' })
    expect(await other).toEqual({ isSound: true })
    expect(await first).toMatchObject({ isSound: false })
  })

  it('refuse a value when too many bytes wait to be checked', async () => {
    const large = Buffer.alloc(limits.jsonSchemaQueueBytesMax + 1)
    const check = jsonSchemas.check(large, { id: 'any', schema: '{}', owner: 'ann' })
    await expect(check).rejects.toMatchObject({ code: 'store-busy' })
  })

  it('leave nobody waiting when the server stops', async () => {
    const stopping = new JsonSchemas()
    const asked = [1, 2].map(() => stopping.checkSchema('{}', { owner: 'ann' }))
    const settled = Promise.allSettled(asked)
    await stopping.close()
    const refused = { status: 'rejected', reason: { code: 'storage-unavailable' } }
    expect(await settled).toMatchObject([refused, refused])
  })
})
