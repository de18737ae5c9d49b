import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordKey } from '../../../src/core/disk/keyspace.ts'
import type { Environment } from '../../../src/core/kernel/environment.ts'
import type { Store } from '../../../src/core/stores/store.ts'
import { entriesOf } from '../../../src/core/testing/entries.ts'
import { HurtEngine } from '../../../src/core/testing/hurt-engine.ts'
import { patternBytes } from '../../../src/core/testing/pattern-bytes.ts'
import { bytesRecord, textRecord } from '../../../src/core/testing/records.ts'
import { openTestDomain } from '../../../src/core/testing/test-domain.ts'
import { TestEnvironment } from '../../../src/core/testing/test-environment.ts'
import { MemoryEngine } from '../../../src/engines/memory.ts'
import { createApifyDoor } from '../../../src/protocols/apify/apify.ts'
import { signRecord } from '../../../src/protocols/apify/call/signatures.ts'
import { JsonSchemas } from '../../../src/protocols/json/json-schema.ts'
import { HttpListener } from '../../../src/transport/http/http.ts'

const token = 'a-token-of-the-owner-for-tests-only'

describe('the log of the Apify door about failed requests', () => {
  const logged: string[] = []
  const logError = (message: string, cause: unknown): void => {
    logged.push(message, inspect(cause, { depth: 10 }))
  }
  let listener: HttpListener
  let store: Store
  let secret: string

  beforeAll(async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const environment = new TestEnvironment()
    const domain = await openTestDomain(engine, { environment })
    await domain.users.createFirst(token)
    const owner = (await domain.tokens.findByText(token))?.user
    store = await domain.stores.create({ ownerId: owner?.id ?? '', name: 'hurt' })
    const { contentId, signingSecret } = await store.identity()
    secret = signingSecret
    await store.put(textRecord('DAMAGED', 'x'))
    await store.put(bytesRecord('TORN', patternBytes(3_000_000)))
    engine.damage(recordKey(contentId, 'DAMAGED'))
    const chunks = await entriesOf(engine, 'chunk')
    engine.damage(chunks[1]?.key ?? Buffer.alloc(0))
    const logging: Environment = {
      now: () => environment.now(),
      monotonic: () => environment.monotonic(),
      asleep: () => environment.asleep(),
      randomBytes: (count) => environment.randomBytes(count),
      logError,
    }
    const handler = createApifyDoor(domain, logging, new JsonSchemas())
    listener = new HttpListener({ host: '127.0.0.1', port: 0, handler, logError })
    await listener.listen()
  })
  afterAll(() => listener.stop())

  it.each([
    ['is damaged', 'DAMAGED'],
    ['breaks off while it is sent', 'TORN'],
  ])('names the record that %s, and never a token or a signature', async (_, key) => {
    const signature = signRecord(secret, key)
    const path = `/v2/key-value-stores/${store.id}/records/${key}`
    const requests: readonly [string, RequestInit?][] = [
      [`${path}?signature=${signature}`],
      [`${path}?token=${token}&signature=${signature}`],
      [path, { headers: { Authorization: `Bearer ${token}` } }],
    ]
    for (const [target, init] of requests) {
      logged.splice(0)
      const read = fetch(listener.url + target, init).then(async (response) => {
        await response.bytes()
        return response.status
      })
      expect(await read.catch(() => 'broken off')).toBe(key === 'TORN' ? 'broken off' : 500)
      const log = logged.join('\n')
      expect(log).toContain(`GET ${path}`)
      for (const hidden of [token, signature, secret]) expect(log).not.toContain(hidden)
    }
  })
})
