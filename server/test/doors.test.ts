import { brotliCompressSync, constants } from 'node:zlib'
import { ApifyClient } from 'apify-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answered, type Asked, Remote } from './support/network/remote.ts'
import { SocketClient } from './support/network/socket-client.ts'
import { allEngines, startTestServer, type TestServer } from './support/network/test-server.ts'
import { ChangeStream } from './support/watching/change-stream.ts'

/** A value that every door should see the same: the same bytes and content type. */
interface Kind {
  readonly what: string
  readonly bytes: Buffer
  readonly contentType: string
  /** The encoding for doors that send encoded bytes. */
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
  /** Whether the door can write this kind. If left out, it can write all kinds. */
  canWrite?(kind: Kind): boolean
  /** What the door reads of a kind. If left out, it reads what was written. */
  sees?(kind: Kind): Seen
  /** Whether the door lists keys of this kind. If left out, it lists all kinds. */
  lists?(kind: Kind): boolean
  write(key: string, kind: Kind): Promise<void>
  read(key: string): Promise<Seen | undefined>
  list(): Promise<string[]>
  delete(key: string): Promise<void>
  /** Adds to a number in one step, and returns the sum. Apify's clients know no such call. */
  increment?(key: string, by: string): Promise<string>
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
  { what: 'a number', bytes: Buffer.from('-1.50'), contentType: 'application/json' },
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
let client: ApifyClient | undefined
let storeId = ''
let socket: SocketClient | undefined
let sessionToken = ''
let channelId = ''

function running(): TestServer {
  if (!server) throw new Error('The server runs only inside tests.')
  return server
}

const doors: readonly Door[] = [
  {
    name: 'apify-client',
    write: (key, { bytes, contentType }) =>
      // The client accepts bytes, but its types name JSON only. It encodes large values itself.
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
    async increment(key, by) {
      const response = await send(`records/${key}`, {
        method: 'PATCH',
        body: `{"op":"increment","by":${by}}`,
        headers: { 'Content-Type': 'application/vnd.coatcheck.update+json' },
      })
      expect(response.status).toBe(200)
      return response.text()
    },
  },
  {
    name: 'NemesisDB',
    canWrite: ({ contentType }) => /^application\/json$/.test(contentType),
    sees: asJson,
    async write(key, { bytes }) {
      const answer = await askNemesis('KV_SET', `"keys":{${JSON.stringify(key)}:${bytes}}`)
      expect(answer).toMatch(/"keys":\{".+":2[01]\}/)
    },
    async read(key) {
      const answer = await askNemesis('KV_GET', `"keys":[${JSON.stringify(key)}]`)
      const start = `{"KV_GET_RSP":{"tkn":${sessionToken},"keys":{${JSON.stringify(key)}:`
      expect(answer.startsWith(start)).toBe(true)
      const notJson = `},"notJson":[${JSON.stringify(key)}]}}`
      if (answer === `${start}null${notJson}`) return nothing
      const text = answer.slice(start.length, -'}}}'.length)
      if (text === 'null' && !(await this.list()).includes(key)) return undefined
      return { bytes: Buffer.from(text), contentType: 'application/json' }
    },
    async list() {
      return JSON.parse(await askNemesis('KV_KEYS', '')).KV_KEYS_RSP.keys
    },
    async delete(key) {
      const answer = await askNemesis('KV_RMV', `"keys":[${JSON.stringify(key)}]`)
      expect(answer).toBe(`{"KV_RMV_RSP":{"tkn":${sessionToken},${JSON.stringify(key)}:24}}`)
    },
    async increment(key, by) {
      const answer = await askNemesis('KV_INC', `"key":${JSON.stringify(key)},"by":${by}`)
      return /"st":1,.*"val":(-?[\d.]+),/.exec(answer)?.[1] ?? answer
    },
  },
  {
    name: 'App Lab',
    canWrite: ({ contentType, bytes }) =>
      // A page deletes a pair by setting it to null.
      /^application\/json$/.test(contentType) && bytes.toString() !== 'null',
    sees: asJson,
    lists: (kind) => asJson(kind) !== nothing,
    async write(key, { bytes }) {
      const json = { key, value: bytes.toString() }
      const { status, text } = await askAppLab('set_key_value', { method: 'POST', json })
      expect([status, text]).toEqual([200, `{"key":${JSON.stringify(key)},"value":${bytes}}`])
    },
    async read(key) {
      const asked = await askAppLab(`get_key_value?${new URLSearchParams({ key })}`)
      if (asked.status === 400) {
        expect(JSON.parse(asked.text).type).toBe('VALUE_NOT_JSON')
        return nothing
      }
      if (asked.text === 'null' && !(await this.list()).includes(key)) return undefined
      return { bytes: Buffer.from(asked.text), contentType: 'application/json' }
    },
    list: async () => Object.keys(JSON.parse((await askAppLab('get_key_values')).text)),
    async delete(key) {
      const asked = { method: 'DELETE', json: { key } }
      const { status, text } = await askAppLab('delete_key_value', asked)
      expect([status, text]).toEqual([200, 'true'])
    },
    async increment(key, by) {
      const json = { key, update: `{"op":"increment","by":${by}}` }
      const { status, text } = await askAppLab('update_key_value', { method: 'POST', json })
      expect(status).toBe(200)
      return text
    },
  },
]

/** The value that a JSON door shows for bytes that are not JSON or text. */
const nothing: Seen = { bytes: Buffer.alloc(0), contentType: '' }

function asJson({ bytes, contentType }: Kind): Seen {
  if (contentType.startsWith('application/json')) return { bytes, contentType: 'application/json' }
  if (!contentType.startsWith('text/')) return nothing
  const text = JSON.stringify(bytes.toString())
  return { bytes: Buffer.from(text), contentType: 'application/json' }
}

const pairs = doors.flatMap((writer) => doors.map((reader) => ({ writer, reader })))

describe.each(allEngines)('on %s', (engine) => {
  beforeAll(async () => {
    server = await startTestServer({ engine, nemesisPort: 0 })
    client = new ApifyClient({ baseUrl: server.url, token: server.token })
    storeId = (await client.keyValueStores().getOrCreate('shared-by-all-doors')).id
    const addresses = await send('', {
      method: 'PATCH',
      body: '{"session":true,"project":true}',
      headers: { 'Content-Type': 'application/json' },
    })
    const { data } = JSON.parse(await addresses.text())
    sessionToken = data.sessionToken
    channelId = data.channelId
    socket = await SocketClient.open(server.nemesisUrl)
  })

  afterAll(async () => {
    socket?.close()
    await server?.close()
  })

  const adding = doors.filter(({ increment }) => increment)

  it.each(doors)('a number that each door adds to, read by $name', async (reader) => {
    await doors[1]?.write('SUM', {
      what: 'a number',
      bytes: Buffer.from('9007199254740993'),
      contentType: 'application/json',
    })
    let sum = 9_007_199_254_740_993n
    for (const door of [...adding, ...adding]) {
      sum += 1n
      expect(await door.increment?.('SUM', '1'), door.name).toBe(String(sum))
      expect((await reader.read('SUM'))?.bytes.toString()).toBe(String(sum))
    }
    await reader.delete('SUM')
    expect(adding).toHaveLength(3)
  })

  it('a number that all doors add to at once', async () => {
    const [first] = adding
    const all = adding.flatMap((door) =>
      Array.from({ length: 30 }, () => door.increment?.('SUM', '0.1')),
    )
    const sums = (await Promise.all(all)).map(Number)
    expect(new Set(sums).size).toBe(90)
    expect((await first?.read('SUM'))?.bytes.toString()).toBe('9')
    await first?.delete('SUM')
  })

  describe.each(doors)('written by $name', (writer) => {
    it.each(watchers)('is seen by those who watch at the $door door', async ({ watch }) => {
      const next = await watch()
      const [kind] = kinds
      if (kind) await writer.write('WATCHED', kind)
      const value = { a: 1, b: [true, null] }
      expect(await next()).toEqual({ key: 'WATCHED', kind: 'put', value })
      await writer.delete('WATCHED')
      expect(await next()).toMatchObject({ key: 'WATCHED', kind: 'delete' })
    })
  })

  describe.each(pairs)('written by $writer.name, read by $reader.name', ({ writer, reader }) => {
    const written = kinds.filter((kind) => writer.canWrite?.(kind) ?? true)
    const seenBy = (kind: Kind): Seen => reader.sees?.(kind) ?? kind

    it('covers more than two kinds of values', () => {
      expect(written.length).toBeGreaterThan(2)
    })

    it.each(written)('$what', async (kind) => {
      const key = 'KEY-(1)'
      await writer.write(key, kind)
      const { bytes, contentType } = seenBy(kind)
      const seen = await reader.read(key)
      expect(seen?.contentType).toBe(contentType)
      expect(seen && Buffer.compare(seen.bytes, bytes)).toBe(0)
      expect(await reader.list()).toEqual((reader.lists?.(kind) ?? true) ? [key] : [])
      await reader.delete(key)
      expect(await writer.read(key)).toBeUndefined()
      expect(await writer.list()).toEqual([])
    })

    it('a value over another kind of value', async () => {
      for (const kind of [...written, ...written.toReversed()]) {
        await writer.write('OVER', kind)
        const seen = await reader.read('OVER')
        expect(seen && Buffer.compare(seen.bytes, seenBy(kind).bytes), kind.what).toBe(0)
      }
      await reader.delete('OVER')
    })

    it('a value over a value that the other door wrote', async () => {
      const [kind] = written
      for (const other of kinds.filter((one) => reader.canWrite?.(one) ?? true)) {
        await reader.write('OTHER', other)
        if (kind) await writer.write('OTHER', kind)
        const seen = await reader.read('OTHER')
        expect(seen && Buffer.compare(seen.bytes, kind?.bytes ?? Buffer.alloc(0))).toBe(0)
      }
      await writer.delete('OTHER')
      expect(await reader.read('OTHER')).toBeUndefined()
    })
  })
})

/** The ways to watch the store: what the next change of a key is, and its value as JSON. */
const watchers: readonly { door: string; watch(): Promise<() => Promise<unknown>> }[] = [
  { door: 'Apify', watch: () => watchStream(`/v2/key-value-stores/${storeId}/changes`) },
  { door: 'App Lab', watch: () => watchStream(`/datablock_storage/${channelId}/changes`) },
  {
    door: 'NemesisDB',
    watch: async () => {
      const watching = await SocketClient.open(running().nemesisUrl)
      await watching.ask(`{"KV_WATCH":{"tkn":${sessionToken}}}`)
      return async () => {
        const { key, kind, val: value } = JSON.parse(await watching.receive()).KV_CHANGE
        if (kind === 'delete') watching.close()
        return { key, kind, value }
      }
    },
  },
]

async function watchStream(path: string): Promise<() => Promise<unknown>> {
  const { url, token } = running()
  const stream = await ChangeStream.open(url + path, { token })
  await stream.next()
  return async () => {
    const { key, kind, value } = (await stream.next())?.data ?? {}
    if (kind === 'delete') stream.close()
    return { key, kind, value }
  }
}

function askNemesis(command: string, parameters: string): Promise<string> {
  const more = parameters && `,${parameters}`
  return socket?.ask(`{"${command}":{"tkn":${sessionToken}${more}}}`) ?? Promise.resolve('')
}

function askAppLab(call: string, asked: Asked = {}): Promise<Answered> {
  const { url, token } = running()
  return new Remote(url).send(`/datablock_storage/${channelId}/${call}`, { token, ...asked })
}

function store(): ReturnType<ApifyClient['keyValueStore']> {
  if (!client) throw new Error('The client is there only inside tests.')
  return client.keyValueStore(storeId)
}

function send(path: string, init: RequestInit = {}): Promise<Response> {
  const { url, token } = running()
  return fetch(`${url}/v2/key-value-stores/${storeId}${path && `/${path}`}`, {
    ...init,
    headers: { Authorization: `Bearer ${token}`, ...init.headers },
  })
}

function encode(bytes: Buffer): Buffer {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } })
}
