import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { WholeSource } from '../../core/kernel/byte-source.ts'
import type { Store } from '../../core/stores/store.ts'
import { openTestDomain } from '../../core/testing/test-domain.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { type JsonView, jsonViewOf } from './json-value.ts'

const ownerId = 'owner000000000001'

interface Sent {
  readonly bytes: Uint8Array
  readonly contentType: string
  readonly contentEncoding?: string
}

async function openStore(): Promise<Store> {
  const domain = await openTestDomain(new MemoryEngine())
  return domain.stores.create({ ownerId, name: undefined })
}

async function view(store: Store, sent: Sent): Promise<JsonView> {
  const { bytes, contentType, contentEncoding = '' } = sent
  await store.put({ key: 'K', contentType, contentEncoding, source: new WholeSource(bytes) })
  return viewAgain(store)
}

async function viewAgain(store: Store): Promise<JsonView> {
  const record = await store.get('K')
  if (!record) throw new Error('The record was just stored.')
  return jsonViewOf(record, store)
}

describe('the JSON view of a record', () => {
  it.each([
    ['an object with a 64-bit integer', '{"id":9007199254740993}'],
    ['spaces and member order as sent', ' { "b" : 1, "a" : 1.0 } '],
    ['null', 'null'],
    ['an emoji', '"😀"'],
  ])('is the JSON as it was sent: %s', async (_, text) => {
    const store = await openStore()
    const bytes = Buffer.from(text)
    for (const contentType of ['application/json', 'Application/JSON; charset=utf-8', 'a/b+json']) {
      expect(await view(store, { bytes, contentType })).toEqual({ kind: 'json', text })
    }
  })

  it.each([
    ['br', brotliCompressSync],
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('decodes %s', async (contentEncoding, encode) => {
    const store = await openStore()
    for (const text of ['{"a":1}', `["${'x'.repeat(500_000)}"]`]) {
      const bytes = encode(text)
      const sent = { bytes, contentType: 'application/json', contentEncoding }
      expect(await view(store, sent)).toEqual({ kind: 'json', text })
    }
  })

  it('reads text as a JSON string', async () => {
    const store = await openStore()
    const bytes = Buffer.from('say "hi"\n😀')
    expect(await view(store, { bytes, contentType: 'text/plain; charset=utf-8' })).toEqual({
      kind: 'json',
      text: JSON.stringify('say "hi"\n😀'),
    })
  })

  it('leaves out a byte order mark', async () => {
    const store = await openStore()
    const bytes = Buffer.from('\ufeff{"a":1}')
    const sent = { bytes, contentType: 'application/json' }
    expect(await view(store, sent)).toEqual({ kind: 'json', text: '{"a":1}' })
  })

  it.each([
    ['a body that would become two members', 'application/json', '1,"admin":true'],
    ['two values', 'application/json', '{} {}'],
    ['nothing', 'application/json', ''],
    ['bytes that are no UTF-8', 'application/json', Buffer.from([0x22, 0xff, 0x22])],
    ['text in another charset', 'text/plain; charset=windows-1250', 'x'],
    ['text that is no UTF-8', 'text/plain', Buffer.from([0xff])],
    ['a picture', 'image/png', '"png"'],
  ])('is not JSON: %s', async (_, contentType, body) => {
    const store = await openStore()
    const bytes = Buffer.from(body)
    expect(await view(store, { bytes, contentType })).toEqual({ kind: 'not-json' })
    expect(await viewAgain(store)).toEqual({ kind: 'not-json' })
  })

  it('is remembered if it is not JSON, and the record keeps its revision', async () => {
    const store = await openStore()
    const before = await store.put({
      key: 'K',
      contentType: 'application/json',
      contentEncoding: '',
      source: new WholeSource(Buffer.from('1,"x":2')),
    })
    await viewAgain(store)
    await expect.poll(async () => (await store.head('K'))?.jsonState).toBe('unsound')
    expect((await store.head('K'))?.revision).toBe(before.revision)
    const condition = { kind: 'revision', anyOf: [before.revision] } as const
    expect(await store.delete('K', condition)).toBe(true)
  })

  it('is forgotten when the record gets a new value', async () => {
    const store = await openStore()
    await view(store, { bytes: Buffer.from('{'), contentType: 'application/json' })
    await expect.poll(async () => (await store.head('K'))?.jsonState).toBe('unsound')
    const sound = { bytes: Buffer.from('{}'), contentType: 'application/json' }
    expect(await view(store, sound)).toEqual({ kind: 'json', text: '{}' })
  })

  it('refuses bytes that do not match their content encoding', async () => {
    const store = await openStore()
    for (const bytes of [Buffer.from('plain'), gzipSync('{}').subarray(0, 10)]) {
      const sent = { bytes, contentType: 'application/json', contentEncoding: 'gzip' }
      await expect(view(store, sent)).rejects.toMatchObject({ code: 'content-encoding-invalid' })
    }
  })

  it('refuses a value that decodes to more than 16 MiB', async () => {
    const store = await openStore()
    const bytes = gzipSync(Buffer.alloc(17 * 1_048_576, ' '))
    const sent = { bytes, contentType: 'application/json', contentEncoding: 'gzip' }
    await expect(view(store, sent)).rejects.toMatchObject({ code: 'value-too-large' })
  })
})
