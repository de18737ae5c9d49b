import { brotliCompressSync, constants } from 'node:zlib'
import { ApifyClient } from 'apify-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from './test-server.ts'

/** A value as every door should see it: the same bytes under the same type. */
interface Kind {
  readonly what: string
  readonly bytes: Buffer
  readonly contentType: string
  /** As it travels where a door sends encoded bytes. */
  readonly contentEncoding?: 'br'
}

interface Seen {
  /** Decoded. */
  readonly bytes: Buffer
  readonly contentType: string
}

/** One way into the same store. Each door that opens adds itself to `doors`. */
interface Door {
  readonly name: string
  write(key: string, kind: Kind): Promise<void>
  read(key: string): Promise<Seen | undefined>
  list(): Promise<string[]>
  delete(key: string): Promise<void>
}

// The smallest PNG there is: one transparent pixel.
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)
const largeJson = JSON.stringify({ list: Array.from({ length: 5_000 }, (_, n) => `item ${n}`) })

const kinds: readonly Kind[] = [
  { what: 'JSON', bytes: Buffer.from('{"a":1,"b":[true,null]}'), contentType: 'application/json' },
  {
    what: 'brotli JSON',
    bytes: Buffer.from(largeJson),
    contentType: 'application/json; charset=utf-8',
    contentEncoding: 'br',
  },
  {
    what: 'text',
    bytes: Buffer.from('Žluťoučký kůň 🐎\n'),
    contentType: 'text/plain; charset=utf-8',
  },
  {
    what: '64-bit integers',
    bytes: Buffer.from('{"id":9007199254740993,"max":18446744073709551615}'),
    contentType: 'application/json',
  },
  { what: 'null', bytes: Buffer.from('null'), contentType: 'application/json' },
  { what: 'an empty value', bytes: Buffer.alloc(0), contentType: 'text/plain' },
  { what: 'a PNG', bytes: png, contentType: 'image/png' },
  {
    what: '3 MB',
    bytes: Buffer.alloc(3_000_000, 'abc'),
    contentType: 'application/octet-stream',
  },
]

let server: TestServer | undefined
let storeId = ''

function running(): TestServer {
  if (!server) throw new Error('The server runs only inside tests.')
  return server
}

beforeAll(async () => {
  server = await startTestServer()
  const client = new ApifyClient({ baseUrl: server.url, token: server.token })
  storeId = (await client.keyValueStores().getOrCreate('shared-by-all-doors')).id
})

afterAll(() => server?.close())

const doors: readonly Door[] = [
  {
    name: 'apify-client',
    write: (key, { bytes, contentType }) =>
      // The client takes bytes too; its types name JSON only. It encodes what is large by itself.
      store().setRecord({ key, value: bytes as never, contentType }),
    async read(key) {
      const record = await store().getRecord(key, { buffer: true })
      if (!record) return undefined
      return { bytes: Buffer.from(record.value), contentType: record.contentType ?? '' }
    },
    list: async () => (await store().listKeys()).items.map(({ key }) => key),
    delete: (key) => store().deleteRecord(key),
  },
  {
    name: 'plain HTTP',
    async write(key, { bytes, contentType, contentEncoding }) {
      const response = await send(`records/${key}`, {
        method: 'PUT',
        body: new Uint8Array(contentEncoding ? encode(bytes) : bytes),
        headers: {
          'Content-Type': contentType,
          ...(contentEncoding && { 'Content-Encoding': contentEncoding }),
        },
      })
      expect(response.status).toBe(201)
    },
    async read(key) {
      const response = await send(`records/${key}`)
      const bytes = Buffer.from(await response.arrayBuffer())
      if (response.status === 404) return undefined
      return { bytes, contentType: response.headers.get('content-type') ?? '' }
    },
    async list() {
      const { data } = JSON.parse(await (await send('keys')).text())
      return data.items.map(({ key }: { key: string }) => key)
    },
    async delete(key) {
      expect((await send(`records/${key}`, { method: 'DELETE' })).status).toBe(204)
    },
  },
]

const pairs = doors.flatMap((writer) => doors.map((reader) => ({ writer, reader })))

describe.each(pairs)('written by $writer.name, read by $reader.name', ({ writer, reader }) => {
  it.each(kinds)('$what', async (kind) => {
    const key = 'KEY-(1)'
    await writer.write(key, kind)
    const { bytes, contentType } = kind
    const seen = await reader.read(key)
    expect(seen?.contentType).toBe(contentType)
    expect(seen && Buffer.compare(seen.bytes, bytes)).toBe(0)
    expect(await reader.list()).toEqual([key])
    await reader.delete(key)
    expect(await writer.read(key)).toBeUndefined()
    expect(await writer.list()).toEqual([])
  })

  it('a value over another kind of value', async () => {
    for (const kind of [...kinds, ...kinds.toReversed()]) {
      await writer.write('OVER', kind)
      const seen = await reader.read('OVER')
      expect(seen && Buffer.compare(seen.bytes, kind.bytes), kind.what).toBe(0)
    }
    await reader.delete('OVER')
  })
})

function store(): ReturnType<ApifyClient['keyValueStore']> {
  const { url, token } = running()
  return new ApifyClient({ baseUrl: url, token }).keyValueStore(storeId)
}

function send(path: string, init: RequestInit = {}): Promise<Response> {
  const { url, token } = running()
  return fetch(`${url}/v2/key-value-stores/${storeId}/${path}`, {
    ...init,
    headers: { Authorization: `Bearer ${token}`, ...init.headers },
  })
}

function encode(bytes: Buffer): Buffer {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } })
}
