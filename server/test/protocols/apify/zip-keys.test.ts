import { brotliCompressSync, constants } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { chunkKey, recordKey } from '../../../src/core/disk/keyspace.ts'
import { WholeSource } from '../../../src/core/kernel/byte-source.ts'
import type { Store } from '../../../src/core/stores/store.ts'
import { entriesOf } from '../../../src/core/testing/entries.ts'
import { HurtEngine } from '../../../src/core/testing/hurt-engine.ts'
import { patternBytes } from '../../../src/core/testing/pattern-bytes.ts'
import { openTestDomain } from '../../../src/core/testing/test-domain.ts'
import { TestEnvironment } from '../../../src/core/testing/test-environment.ts'
import { decodeInfo } from '../../../src/core/values/record-info.ts'
import { MemoryEngine } from '../../../src/engines/memory.ts'
import { createApifyDoor } from '../../../src/protocols/apify/apify.ts'
import { JsonSchemas } from '../../../src/protocols/json/json-schema.ts'
import type { HttpHandler } from '../../../src/transport/exchange.ts'
import { readTexts, readZip, type ZippedFile } from '../../support/network/read-zip.ts'

const token = 'a-token-of-the-owner-for-tests-only'

/** Keys that only other doors accept, and their file names. */
const foreign = {
  'a b': 'a%20b',
  '../../etc/passwd': '..%2F..%2Fetc%2Fpasswd',
  '/root': '%2Froot',
  'C:\\x': 'C%3A%5Cx',
  '.': '%2E',
  '..': '%2E%2E',
  '': '%',
  '%': '%25',
  '🧥': '%F0%9F%A7%A5',
  'dir/': 'dir%2F',
  'nul\0': 'nul%00',
}

describe('the ZIP of records that this door cannot make', () => {
  let engine: HurtEngine
  let environment: TestEnvironment
  let store: Store
  let door: HttpHandler

  beforeEach(async () => {
    engine = new HurtEngine(new MemoryEngine())
    environment = new TestEnvironment()
    const domain = await openTestDomain(engine, { environment })
    await domain.users.createFirst(token)
    const owner = (await domain.tokens.findByText(token))?.user
    store = await domain.stores.create({ ownerId: owner?.id ?? '', name: 'shared' })
    door = createApifyDoor(domain, environment, new JsonSchemas())
  })

  it('escapes keys in file names, so that no name is a path', async () => {
    for (const key of Object.keys(foreign)) await put(key, Buffer.from(`value of ${key}`))
    const texts = await readTexts(await download())
    const expected = Object.entries(foreign).map(([key, name]) => [name, `value of ${key}`])
    expect(texts).toEqual(Object.fromEntries(expected))
    for (const name of Object.keys(texts)) expect(name).toMatch(/^[\w!\-.'()%]+$/)
  })

  it('leaves out a record that is damaged on disk, says so, and continues', async () => {
    for (const key of ['A', 'B', 'C']) await put(key, Buffer.from(key))
    engine.damage(recordKey((await store.identity()).contentId, 'B'))
    const files = await readZip(await download())
    expect(files.map(({ name }) => name)).toEqual(['A', 'C', '%problems.txt'])
    expect(reportOf(files)).toContain('B: it is damaged on disk')
    expect(environment.errors).toMatchObject([{ code: 'record-damaged' }])
  })

  it.each([0, 3])('continues after a value whose part %i is damaged', async (part) => {
    await put('LARGE', patternBytes(5_000_000))
    await put('Z', Buffer.from('behind'))
    const [info] = await entriesOf(engine, 'record')
    const place = info && decodeInfo(info).place
    if (place?.kind !== 'chunks') throw new Error('A large value must be stored in chunks.')
    engine.damage(chunkKey(place.valueId, part))
    const files = await readZip(await download())
    const begun = part === 0 ? [] : ['LARGE']
    expect(files.map(({ name }) => name)).toEqual([...begun, 'Z', '%problems.txt'])
    expect(reportOf(files)).toContain('LARGE: it is damaged on disk')
    expect(environment.errors).toMatchObject([{ code: 'record-damaged' }])
  })

  it('does not unpack a bomb', async () => {
    const bomb = brotliCompressSync(Buffer.alloc(80_000_000), {
      params: { [constants.BROTLI_PARAM_QUALITY]: 5 },
    })
    const source = new WholeSource(bomb)
    await store.put({ key: 'B', contentType: 'text/plain', contentEncoding: 'br', source })
    const files = await readZip(await download())
    expect(files.map(({ name }) => name)).toEqual(['B', 'B%.br', '%problems.txt'])
    expect(files[0]?.bytes.length).toBeLessThanOrEqual(64 * 1_048_576)
    expect(files[1]?.bytes.equals(bomb)).toBe(true)
    expect(reportOf(files)).toContain('B: it decodes to too many bytes')
  })

  it('is cut off, and never looks complete, if the storage fails', async () => {
    await put('A', patternBytes(3_000_000))
    const parts = await ask()
    await parts.next()
    await engine.close()
    const rest = Array.fromAsync({ [Symbol.asyncIterator]: () => parts })
    await expect(rest).rejects.toMatchObject({ code: 'storage-unavailable' })
  })

  function put(key: string, bytes: Buffer): Promise<unknown> {
    const source = new WholeSource(bytes)
    return store.put({ key, contentType: 'text/plain', contentEncoding: '', source })
  }

  async function ask(): Promise<AsyncIterator<Uint8Array>> {
    const reply = await door({
      method: 'GET',
      path: `/v2/key-value-stores/${store.id}/records`,
      query: '',
      header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
      baseUrl: 'http://test',
      peer: '127.0.0.1',
      isForwarded: false,
      body: new WholeSource(Buffer.alloc(0)),
    })
    if (typeof reply.body === 'string' || reply.body instanceof Uint8Array) {
      throw new Error(`The archive must be a stream: ${String(reply.body)}`)
    }
    return reply.body[Symbol.asyncIterator]()
  }

  async function download(): Promise<Buffer> {
    const parts = await ask()
    return Buffer.concat(await Array.fromAsync({ [Symbol.asyncIterator]: () => parts }))
  }
})

function reportOf(files: readonly ZippedFile[]): string {
  return files.at(-1)?.bytes.toString() ?? ''
}
