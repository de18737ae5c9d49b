import { describe, expect, it } from 'vitest'
import { useTestServer } from '../../support/network/test-server.ts'

const sound = { actorKeyValueStoreSchemaVersion: 1, title: 'T', collections: {} }
const json = ['application/json']

/** A schema whose one collection is `collection`. */
function withCollection(collection: unknown): unknown {
  return { ...sound, collections: { c: collection } }
}

function nested(levels: number): string {
  return `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
}

describe('invalid schemas', () => {
  const server = useTestServer()

  it.each<[string, unknown, string]>([
    ['a text', 'schema', 'it must be an object'],
    ['a list', [], 'it must be an object'],
    ['no version', { ...sound, actorKeyValueStoreSchemaVersion: undefined }, 'must be 1'],
    ['version 2', { ...sound, actorKeyValueStoreSchemaVersion: 2 }, 'must be 1'],
    ['no title', { ...sound, title: undefined }, 'title must be a string'],
    ['an invalid description', { ...sound, description: 1 }, 'description must be a string'],
    ['no collections', { ...sound, collections: undefined }, 'collections must be an object'],
    ['a list of collections', { ...sound, collections: [] }, 'collections must be an object'],
    ['too many collections', { ...sound, collections: collections(101) }, 'at most 100 members'],
    ['an invalid collection', withCollection(1), 'collections.c must be an object'],
    ['no keys', withCollection({}), 'either key or keyPrefix'],
    ['key and keyPrefix', withCollection({ key: 'a', keyPrefix: 'a' }), 'either key or keyPrefix'],
    ['an invalid key', withCollection({ key: '' }), 'collections.c.key'],
    ['an invalid keyPrefix', withCollection({ keyPrefix: null }), 'collections.c.keyPrefix'],
    ['no content types', withCollection({ key: 'a', contentTypes: [] }), 'at least one'],
    ['an invalid content type', withCollection({ key: 'a', contentTypes: [1] }), 'strings'],
    ['a type twice', withCollection({ key: 'a', contentTypes: ['a/b', 'a/b'] }), 'twice'],
    ['an invalid title', withCollection({ key: 'a', title: 1 }), 'collections.c.title'],
    ['a JSON Schema without a type', withCollection({ key: 'a', jsonSchema: {} }), 'contentTypes'],
    [
      'a JSON Schema of two types',
      withCollection({ key: 'a', contentTypes: ['text/plain', ...json], jsonSchema: {} }),
      'contentTypes must be ["application/json"]',
    ],
    [
      'an invalid JSON Schema',
      withCollection({ key: 'a', contentTypes: json, jsonSchema: { type: 'nothing' } }),
      'collections.c.jsonSchema is no JSON Schema of draft-07',
    ],
    [
      'a JSON Schema that is a text',
      withCollection({ key: 'a', contentTypes: json, jsonSchema: 'x' }),
      'collections.c.jsonSchema must be an object',
    ],
    [
      'an invalid pattern',
      withCollection({ key: 'a', contentTypes: json, jsonSchema: { pattern: '(' } }),
      'draft-07',
    ],
    [
      'a JSON Schema of another draft',
      withCollection({
        key: 'a',
        contentTypes: json,
        jsonSchema: { $schema: 'https://json-schema.org/draft/2020-12/schema' },
      }),
      '2020-12',
    ],
    [
      'an asynchronous JSON Schema',
      withCollection({ key: 'a', contentTypes: json, jsonSchema: { $async: true } }),
      '$async',
    ],
  ])('refuses %s, says why and makes no store', async (_, schema, why) => {
    const answer = await create(JSON.stringify({ schema }))
    expect(answer).toMatchObject({ status: 400, error: { type: 'store-schema-invalid' } })
    expect(answer.error?.message).toContain(why)
    expect(await server.client().keyValueStore('~bad').get()).toBeUndefined()
  })

  it.each<[string, string, number, string]>([
    ['invalid JSON', '{"schema":', 400, 'invalid-request'],
    ['a list', '[]', 400, 'invalid-request'],
    ['a text', '"schema"', 400, 'invalid-request'],
    ['deep nesting that ends', `{"schema":${nested(100_000)}}`, 400, 'store-schema-invalid'],
    ['deep lists', '['.repeat(100_000) + ']'.repeat(100_000), 400, 'invalid-request'],
    ['deep nesting that does not end', '{"schema":['.repeat(100_000), 400, 'invalid-request'],
    [
      'a schema that is too large',
      JSON.stringify({ schema: { ...sound, x: 'x'.repeat(2_000_000) } }),
      400,
      'store-schema-invalid',
    ],
  ])('refuses a body with %s', async (_, body, status, type) => {
    expect(await create(body)).toMatchObject({ status, error: { type } })
    expect(await server.client().keyValueStore('~bad').get()).toBeUndefined()
  })

  it('reports the largest size of a body', async () => {
    const body = JSON.stringify({ schema: { ...sound, x: 'x'.repeat(9_437_184) } })
    const message = `The POST payload is too large (limit: 9437184 bytes, actual length: ${body.length} bytes).`
    const error = { type: 'request-too-large', message }
    expect(await create(body)).toEqual({ status: 413, error })
  })

  it('stops the check of a JSON Schema that would take years', async () => {
    const definitions = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [
        `d${index}`,
        {
          allOf: [{ $ref: `#/definitions/d${index + 1}` }, { $ref: `#/definitions/d${index + 1}` }],
        },
      ]),
    )
    const jsonSchema = {
      definitions: { ...definitions, d60: { type: 'number' } },
      $ref: '#/definitions/d0',
    }
    const schema = withCollection({ key: 'K', contentTypes: json, jsonSchema })
    expect((await create(JSON.stringify({ schema }), 'explodes')).status).toBe(201)
    const put = server.client().keyValueStore('~explodes').setRecord({ key: 'K', value: 1 })
    await expect(put).rejects.toMatchObject({ statusCode: 400, type: 'schema-validation-error' })
  })

  it('refuses a value that is nested too deeply to be checked', async () => {
    const jsonSchema = { additionalProperties: { $ref: '#' } }
    const schema = withCollection({ key: 'K', contentTypes: json, jsonSchema })
    expect((await create(JSON.stringify({ schema }), 'deep')).status).toBe(201)
    const put = server
      .client()
      .keyValueStore('~deep')
      .setRecord({ key: 'K', value: nested(100_000), contentType: 'application/json' })
    await expect(put).rejects.toMatchObject({ statusCode: 400, type: 'schema-validation-error' })
  })

  it('has no collections from a prototype, and keeps members named __proto__', async () => {
    const schema = `{"actorKeyValueStoreSchemaVersion":1,"title":"T","collections":{"__proto__":{"key":"P"}},"__proto__":{"title":1}}`
    const made = await create(`{"schema":${schema},"__proto__":{"schema":1}}`, 'proto')
    expect(made.status).toBe(201)
    const store = server.client().keyValueStore('~proto')
    await store.setRecord({ key: 'P', value: 1 })
    const keys = await store.listKeys({ collection: '__proto__' })
    expect(keys.items.map(({ key }) => key)).toEqual(['P'])
    const constructed = store.listKeys({ collection: 'constructor' })
    await expect(constructed).rejects.toMatchObject({ type: 'invalid-collection' })
    const shown = await fetch(`${server.url()}/v2/key-value-stores/~proto`, authorized())
    expect(await shown.text()).toContain(schema)
  })

  it('accepts an empty body with any content type', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'application/json', 'text/plain']) {
      const init = { method: 'POST', headers: { ...authorized().headers, 'Content-Type': type } }
      const response = await fetch(`${server.url()}/v2/key-value-stores`, init)
      expect(response.status, type).toBe(201)
      expect(JSON.parse(await response.text()), type).toMatchObject({ data: { schema: null } })
    }
  })

  it('treats null as no schema', async () => {
    expect((await create('{"schema":null}', 'null')).status).toBe(201)
    expect(await server.client().keyValueStore('~null').get()).toMatchObject({ schema: null })
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })

  function authorized(): { headers: Record<string, string> } {
    return { headers: { Authorization: `Bearer ${server.token()}` } }
  }

  async function create(
    body: string,
    name = 'bad',
  ): Promise<{ status: number; error: { type: string; message: string } | undefined }> {
    const response = await fetch(`${server.url()}/v2/key-value-stores?name=${name}`, {
      method: 'POST',
      body,
      headers: { ...authorized().headers, 'Content-Type': 'application/json' },
    })
    const { error } = JSON.parse(await response.text())
    return { status: response.status, error }
  }
})

function collections(count: number): Record<string, unknown> {
  const keys = Array.from({ length: count }, (_, index) => `key-${index}`)
  return Object.fromEntries(keys.map((key) => [key, { key }]))
}
