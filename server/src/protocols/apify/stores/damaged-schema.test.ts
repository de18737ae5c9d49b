import { expect, it } from 'vitest'
import { schemaKey } from '../../../core/disk/keyspace.ts'
import { WholeSource } from '../../../core/kernel/byte-source.ts'
import { openTestDomain } from '../../../core/testing/test-domain.ts'
import { MemoryEngine } from '../../../engines/memory.ts'
import { JsonSchemas } from '../../json/json-schema.ts'
import { createApifyDoor } from '../apify.ts'

const token = 'a-token-of-the-owner-for-tests-only'
const schema = { actorKeyValueStoreSchemaVersion: 1, title: 'Schema', collections: {} }

it('a lost schema hides neither its own store nor others', async () => {
  const engine = new MemoryEngine()
  const first = await openTestDomain(engine)
  await first.users.createFirst(token)
  const door = createApifyDoor(first, first.environment, new JsonSchemas())
  const made = await ask(door, 'POST', '?name=with-schema', JSON.stringify({ schema }))
  await ask(door, 'POST', '?name=without')
  expect(made.data.schema).toEqual(schema)
  await engine.commit({ deletes: [schemaKey(made.data.id)] })

  // Another server, which has not read the schema before.
  const second = await openTestDomain(engine)
  const other = createApifyDoor(second, second.environment, new JsonSchemas())
  const { items } = (await ask(other, 'GET', '')).data
  expect(items.map(({ name }: { name: string }) => name)).toEqual(['with-schema', 'without'])
  expect(items[0]).not.toHaveProperty('schema')
  const alone = (await ask(other, 'GET', `/${made.data.id}`)).data
  expect(alone.name).toBe('with-schema')
  expect(second.environment.errors).toHaveLength(2)
})

async function ask(
  door: ReturnType<typeof createApifyDoor>,
  method: string,
  path: string,
  body = '',
): Promise<ReturnType<typeof JSON.parse>> {
  const [rest = '', query = ''] = path.split('?')
  const headers: Record<string, string> = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
  }
  const reply = await door({
    method,
    path: `/v2/key-value-stores${rest}`,
    query,
    header: (name) => headers[name],
    baseUrl: 'http://test',
    peer: '127.0.0.1',
    isForwarded: false,
    body: new WholeSource(Buffer.from(body)),
  })
  return JSON.parse(String(reply.body))
}
