import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync, gzipSync } from 'node:zlib'
import type { KeyValueStoreClient } from 'apify-client'
import { describe, expect, it } from 'vitest'
import { Client, RemoteStore } from '../../support/network/client.ts'
import { readTexts, readZip } from '../../support/network/read-zip.ts'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'

const schema = {
  actorKeyValueStoreSchemaVersion: 1,
  title: 'Pictures',
  collections: { images: { keyPrefix: 'image-' }, report: { key: 'REPORT' } },
}

describe.each(wireEngines)('the ZIP of all records, on %s', (engine) => {
  const server = useTestServer({ engine })

  it('holds every record under its key, decoded, with its time', async () => {
    const { store, id } = await open('all')
    const value = { hello: 'world', long: 'x'.repeat(5_000) }
    await store.setRecord({ key: 'JSON', value }) // the client sends it as brotli
    await store.setRecord({ key: "a.b_c-d(e)!'f", value: 'text' })
    await store.setRecord({ key: 'EMPTY', value: '' })
    for (const [name, encode] of Object.entries({ gzip: gzipSync, deflate: deflateSync })) {
      await put(id, name, encode('decoded'), { 'Content-Encoding': name })
    }
    const { headers, archive } = await download(id)
    expect(headers.get('content-type')).toBe('application/zip')
    expect(headers.get('content-disposition')).toBe('attachment; filename="all.zip"')
    expect(await readTexts(archive)).toEqual({
      JSON: JSON.stringify(value, null, 2),
      "a.b_c-d(e)!'f": 'text',
      EMPTY: '',
      gzip: 'decoded',
      deflate: 'decoded',
    })
    expect(archive.length).toBeLessThan(2_000)
  })

  it('is an empty archive for an empty store, named by the id if the store has no name', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate()
    const { headers, archive } = await download(id)
    expect(headers.get('content-disposition')).toBe(`attachment; filename="${id}.zip"`)
    expect(await readZip(archive)).toEqual([])
  })

  it('holds the records that match prefix and collection', async () => {
    const { store, id } = await open('pictures')
    for (const key of ['REPORT', 'REPORT-2', 'image-1', 'image-2', 'z']) {
      await store.setRecord({ key, value: key })
    }
    const names = async (query: string): Promise<string[]> =>
      (await readZip((await download(id, query)).archive)).map(({ name }) => name)
    expect(await names('?prefix=REPORT')).toEqual(['REPORT', 'REPORT-2'])
    expect(await names('?collection=images')).toEqual(['image-1', 'image-2'])
    expect(await names('?collection=images&prefix=image-2')).toEqual(['image-2'])
    expect(await names('?collection=report')).toEqual(['REPORT'])
    expect(await names('?prefix=nothing')).toEqual([])
    const unknown = await get(id, '?collection=none')
    expect(unknown.status).toBe(400)
    expect(await unknown.text()).toContain('"type":"invalid-collection"')
  })

  it('holds 3,000 records of one prefix, over several pages', { timeout: 60_000 }, async () => {
    const { store, id } = await open('many')
    const keys = Array.from({ length: 3_000 }, (_, index) => `many-${10_000 + index}`)
    await store.setRecord({ key: 'other', value: 1 })
    const client = new Client({ url: server.url(), token: server.token() }, { connections: 16 })
    const many = new RemoteStore(client, id)
    await Promise.all(keys.map((key) => many.put(key, `value of ${key}`)))
    client.close()
    const files = await readZip((await download(id, '?prefix=many-')).archive)
    expect(files.map(({ name }) => name)).toEqual(keys)
    expect(files.every(({ name, bytes }) => bytes.equals(Buffer.from(`value of ${name}`)))).toBe(
      true,
    )
  })

  it('holds values of many megabytes, and does not compress compressed types again', async () => {
    const { id } = await open('large')
    const large = randomBytes(30_000_000)
    await put(id, 'LARGE', large, { 'Content-Type': 'video/mp4' })
    await put(id, 'text', Buffer.alloc(5_000_000, 'text '), { 'Content-Type': 'text/plain' })
    await put(id, 'png', Buffer.alloc(5_000), { 'Content-Type': 'image/png' })
    const { archive } = await download(id)
    const files = await readZip(archive)
    expect(files.map(({ name, method }) => [name, method])).toEqual([
      ['LARGE', 0],
      ['png', 0],
      ['text', 8],
    ])
    expect(files[0]?.bytes.equals(large)).toBe(true)
    expect(archive.length).toBeLessThan(large.length + 100_000)
  })

  it('contains a value that cannot be decoded as it is stored, and says so', async () => {
    const { store, id } = await open('undecodable')
    await store.setRecord({ key: 'A', value: 'before' })
    await put(id, 'LIE', Buffer.from('no brotli'), { 'Content-Encoding': 'br' })
    // The decoding fails only after some megabytes.
    const torn = gzipSync(randomBytes(3_000_000)).subarray(0, 2_500_000)
    await put(id, 'TORN', torn, { 'Content-Encoding': 'gzip' })
    await store.setRecord({ key: 'Z', value: 'behind' })
    const files = await readZip((await download(id)).archive)
    const names = files.map(({ name }) => name)
    expect(names).toEqual(['A', 'LIE%.br', 'TORN', 'TORN%.gzip', 'Z', '%problems.txt'])
    const [, lie, , stored, , problems] = files
    expect(lie?.bytes.toString()).toBe('no brotli')
    expect(lie?.comment).toContain("can't be decoded as br")
    expect(stored?.bytes.equals(torn)).toBe(true)
    expect(problems?.bytes.toString()).toMatch(
      /^LIE: it is not valid br;.*\nTORN: it is not valid gzip;/m,
    )
  })

  it('stays valid while records change; each record is from one moment', async () => {
    const { store, id } = await open('moving')
    const whole = (letter: string): string => letter.repeat(3_000_000)
    for (const key of ['a', 'b', 'c', 'd']) await store.setRecord({ key, value: whole('1') })
    const response = await get(id)
    await Promise.all([
      store.setRecord({ key: 'a', value: whole('2') }),
      store.setRecord({ key: 'b', value: whole('2') }),
      store.deleteRecord('c'),
      store.setRecord({ key: 'e', value: whole('2') }),
    ])
    const texts = await readTexts(Buffer.from(await response.arrayBuffer()))
    expect(Object.keys(texts)).toEqual(expect.arrayContaining(['a', 'b', 'd']))
    for (const text of Object.values(texts)) expect([whole('1'), whole('2')]).toContain(text)
  })

  it('stops when the client disconnects, and the server still serves', async () => {
    const { id } = await open('large')
    const { hostname, port } = new URL(server.url())
    for (let round = 0; round < 5; round += 1) {
      const socket = connect(Number(port), hostname)
      socket.write(
        `GET /v2/key-value-stores/${id}/records HTTP/1.1\r\nHost: localhost\r\n` +
          `Authorization: Bearer ${server.token()}\r\n\r\n`,
      )
      await once(socket, 'data')
      socket.destroy()
    }
    expect(await readZip((await download(id, '?prefix=png')).archive)).toHaveLength(1)
  })

  it('answers HEAD with the headers only', async () => {
    const { id } = await open('all')
    const head = await get(id, '', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect(head.headers.get('content-type')).toBe('application/zip')
  })

  it('is only for callers who may read the store', async () => {
    const { id } = await open('all')
    const denied = await get(id, '', { headers: { Authorization: '' } })
    expect(denied.status).toBe(403)
    expect((await get('AAAAAAAAAAAAAAAAA')).status).toBe(404)
    expect((await get('~none')).status).toBe(404)
    const store = server.client().keyValueStore(id)
    await store.update({ generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    expect((await get(id, '', { headers: { Authorization: '' } })).status).toBe(200)
  })

  it.skipIf(!hasPython())('is valid for the zipfile module of Python', async () => {
    const { id } = await open('all')
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-zip-'))
    const file = join(folder, 'all.zip')
    writeFileSync(file, (await download(id)).archive)
    const program =
      'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), len(z.namelist()))'
    expect(execFileSync('python3', ['-c', program, file]).toString()).toBe('None 5\n')
    rmSync(folder, { recursive: true })
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })

  async function open(name: string): Promise<{ id: string; store: KeyValueStoreClient }> {
    const { id } = await server.client().keyValueStores().getOrCreate(name, { schema })
    return { id, store: server.client().keyValueStore(id) }
  }

  function get(id: string, query = '', init: RequestInit = {}): Promise<Response> {
    const headers = { Authorization: `Bearer ${server.token()}`, ...init.headers }
    return fetch(`${server.url()}/v2/key-value-stores/${id}/records${query}`, { ...init, headers })
  }

  async function download(id: string, query = ''): Promise<{ headers: Headers; archive: Buffer }> {
    const response = await get(id, query)
    expect(response.status).toBe(200)
    return { headers: response.headers, archive: Buffer.from(await response.arrayBuffer()) }
  }

  async function put(
    id: string,
    key: string,
    bytes: Buffer,
    headers: Record<string, string>,
  ): Promise<void> {
    const url = `${server.url()}/v2/key-value-stores/${id}/records/${key}`
    const authorization = { Authorization: `Bearer ${server.token()}` }
    const init = { method: 'PUT', body: new Uint8Array(bytes) }
    const response = await fetch(url, { ...init, headers: { ...authorization, ...headers } })
    expect(response.status).toBe(201)
  }
})

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
