import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { kindRange, recordKey } from '../../../core/disk/keyspace.ts'
import { WholeSource } from '../../../core/kernel/byte-source.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { Store } from '../../../core/stores/store.ts'
import { entriesOf } from '../../../core/testing/entries.ts'
import { HurtEngine } from '../../../core/testing/hurt-engine.ts'
import { bytesRecord, textRecord } from '../../../core/testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../../../core/testing/test-domain.ts'
import { hour } from '../../../core/testing/times.ts'
import { MemoryEngine } from '../../../engines/memory.ts'
import type { HttpHandler } from '../../../transport/exchange.ts'
import { JsonSchemas } from '../../json/json-schema.ts'
import { createApifyDoor } from '../apify.ts'

const token = 'a-token-of-the-owner-for-tests-only'
const mebibyte = 2 ** 20

describe('a search by value, without a socket', () => {
  let engine: HurtEngine
  let domain: TestDomain
  let door: HttpHandler
  let store: Store
  /** Runs before each page of records. */
  let beforePage: () => unknown

  beforeEach(async () => {
    engine = new HurtEngine(new MemoryEngine())
    beforePage = () => undefined
    const scan = engine.scan.bind(engine)
    engine.scan = async (range, bound) => {
      const { start, end } = kindRange('record')
      const isOfRecords = Buffer.compare(range.start, start) >= 0
      if (isOfRecords && Buffer.compare(range.end, end) <= 0) await beforePage()
      return scan(range, bound)
    }
    domain = await openTestDomain(engine)
    await domain.users.createFirst(token)
    const owner = (await domain.tokens.findByText(token))?.user
    store = await domain.stores.create({ ownerId: owner?.id ?? '', name: 'mine' })
    door = createApifyDoor(domain, domain.environment, new JsonSchemas())
  })

  async function ask(wanted: object): Promise<{ status: number; told: Told }> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    }
    const { status, body } = await door({
      method: 'POST',
      path: `/v2/key-value-stores/${store.id}/find`,
      query: '',
      header: (name) => headers[name],
      baseUrl: 'http://test',
      peer: '127.0.0.1',
      isForwarded: false,
      body: new WholeSource(Buffer.from(JSON.stringify(wanted))),
    })
    return { status, told: JSON.parse(String(body)) }
  }

  const find = async (wanted: object): Promise<Told['data']> => (await ask(wanted)).told.data

  async function fill(count: number): Promise<void> {
    const records = Array.from({ length: count }, (_, at) => ({
      key: `key-${10_000 + at}`,
      contentType: 'text/plain',
      bytes: Buffer.from(`value ${at}`),
      jsonState: 'sound' as const,
    }))
    while (records.length > 0) await store.batch.put(records.splice(0, 5_000))
  }

  it('looks at a bounded number of records at once, and goes on behind them', async () => {
    await fill(limits.findRecordsMax + 50)
    const first = await find({ text: 'value 10001' })
    expect(first).toMatchObject({ items: [], scanned: 10_000, nextAfter: 'key-19999' })
    const second = await find({ text: 'value 10001', after: 'key-19999' })
    expect(second).toMatchObject({ items: [{ key: 'key-20001' }], scanned: 50, nextAfter: null })
  })

  it('ends after its time, and goes on where it ended', async () => {
    await fill(250)
    expect(await find({ text: 'none' })).toMatchObject({ scanned: 250, nextAfter: null })
    beforePage = () => domain.environment.standStill(limits.findMsMax / 2)
    const first = await find({ text: 'none' })
    expect(first).toMatchObject({ scanned: 101, nextAfter: 'key-10100' })
    const rest = await find({ text: 'none', after: first.nextAfter })
    expect(rest).toMatchObject({ scanned: 101, nextAfter: 'key-10201' })
  })

  it('reads a bounded amount of text, however short it is stored', async () => {
    const zipped = gzipSync(Buffer.alloc(mebibyte, 'x'))
    for (let at = 10; at < 80; at += 1) {
      const record = { ...textRecord(`${at}`, ''), source: new WholeSource(zipped) }
      await store.put({ ...record, contentEncoding: 'gzip' })
    }
    expect(await find({ text: 'y' })).toMatchObject({ scanned: 64, skipped: 0, nextAfter: '73' })
  })

  it('does not fail for a record that is damaged', async () => {
    for (const key of ['a', 'b', 'c']) await store.put(textRecord(key, 'needle'))
    await store.put(textRecord('d', `needle${'x'.repeat(5_000)}`))
    const { contentId } = await store.identity()
    engine.damage(recordKey(contentId, 'b'))
    const [chunk] = await entriesOf(engine, 'chunk')
    engine.damage(chunk?.key ?? Buffer.of())
    const found = await find({ text: 'needle' })
    expect(found.items.map(({ key }) => key)).toEqual(['a', 'c'])
    expect(found).toMatchObject({ scanned: 4, skipped: 2, nextAfter: null })
  })

  it('lets go of every value that it has read or left out', async () => {
    for (const key of ['a', 'b', 'c', 'd']) {
      await store.put({ ...bytesRecord(key, Buffer.alloc(3_000, 'x')), contentType: 'text/plain' })
    }
    await store.put(bytesRecord('long', Buffer.alloc(mebibyte + 1, 'x')))
    expect(await find({ text: 'xx', limit: 2 })).toMatchObject({ scanned: 2, nextAfter: 'b' })
    expect(await find({ text: 'y' })).toMatchObject({ scanned: 5, skipped: 1 })
    await store.clear()
    await sweepFor(domain, 2 * hour)
    expect(await entriesOf(engine, 'chunk')).toEqual([])
  })

  it('ends when the caller loses the right', async () => {
    await fill(150)
    const found = await domain.tokens.findByText(token)
    beforePage = async () => {
      await domain.tokens.revoke(found?.token.id ?? '')
      await domain.liveUses.recheck()
    }
    expect(await ask({ text: 'none' })).toMatchObject({ status: 401 })
  })

  it('skips a value that a path takes too long in', async () => {
    const json = JSON.stringify(Array(2_000).fill([1]))
    for (const key of ['a', 'b']) {
      await store.put({ ...textRecord(key, json), contentType: 'application/json' })
    }
    const found = await find({ path: '$[?count($[?count($..*) > 0]) > 0]', text: 'x' })
    expect(found).toMatchObject({ items: [], scanned: 2, skipped: 2, nextAfter: null })
  })

  it('finds room for 16 searches of one user at the same time', async () => {
    await fill(1)
    const { promise, resolve } = Promise.withResolvers<void>()
    const searches: Promise<{ status: number }>[] = []
    let running = 0
    beforePage = () => {
      running += 1
      return promise
    }
    for (let count = 0; count < 16; count += 1) searches.push(ask({ text: 'value' }))
    while (running < 16) await new Promise(setImmediate)
    expect(await ask({ text: 'value' })).toMatchObject({ status: 503 })
    resolve()
    expect((await Promise.all(searches)).map(({ status }) => status)).toEqual(Array(16).fill(200))
    expect(await ask({ text: 'value' })).toMatchObject({ status: 200 })
  })
})

interface Told {
  readonly data: {
    readonly items: readonly { readonly key: string }[]
    readonly scanned: number
    readonly skipped: number
    readonly nextAfter: string | null
  }
}
