import { describe, expect, it } from 'vitest'
import { BytePool } from '../../../core/kernel/bounds/byte-pool.ts'
import { WholeSource } from '../../../core/kernel/byte-source.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { owner } from '../../../core/testing/callers.ts'
import { textRecord } from '../../../core/testing/records.ts'
import { openTestDomain } from '../../../core/testing/test-domain.ts'
import { MemoryEngine } from '../../../engines/memory.ts'
import type { HttpRequest } from '../../../transport/exchange.ts'
import { archiveEntries, takeRoom } from './archive.ts'

it.each([
  [3, ['a', 'b', 'c']],
  [2, ['a', 'b', '%problems.txt']],
])('an archive of at most %i records reports what it leaves out', async (recordsMax, names) => {
  const { stores, environment } = await openTestDomain(new MemoryEngine())
  const store = await stores.create({ ownerId: owner, name: 'archived' })
  for (const key of ['a', 'b', 'c']) await store.put(textRecord(key, `of ${key}`))
  const wanted = { store, keys: ['a', 'b', 'c'], recordsMax }
  const entries = await Array.fromAsync(archiveEntries({ environment, request }, wanted))
  expect(entries.map(({ name }) => name)).toEqual(names)
  const told = String(entries.find(({ name }) => name === '%problems.txt')?.content ?? '')
  expect(told.includes('c: it and all records after it are left out')).toBe(recordsMax === 2)
})

const request: HttpRequest = {
  method: 'GET',
  path: '/v2/key-value-stores/x/records',
  query: '',
  header: () => undefined,
  baseUrl: 'http://test',
  peer: '127.0.0.1',
  isForwarded: false,
  body: new WholeSource(Buffer.alloc(0)),
}

describe('the room for the directories of archives', () => {
  it('is one for all addresses of a network of IPv6, of which a client has many', () => {
    const archives = new BytePool({
      bytesMax: 3_000 * limits.archiveEntryBytes,
      ownerBytesMax: 1_000 * limits.archiveEntryBytes,
    })
    const take = (peer: string): Disposable =>
      takeRoom({ archives, principal: { kind: 'nobody' }, request: { ...request, peer } }, 1_000)
    take('2001:db8::1')
    expect(() => take('2001:db8::2')).toThrow(expect.objectContaining({ code: 'store-busy' }))
    take('2001:db8:0:1::1')
  })

  it('is bounded for all and for each user or address, and free again at the end', () => {
    const archives = new BytePool({
      bytesMax: 3_000 * limits.archiveEntryBytes,
      ownerBytesMax: 2_000 * limits.archiveEntryBytes,
    })
    const take = (peer: string, recordCount: number): Disposable =>
      takeRoom(
        { archives, principal: { kind: 'nobody' }, request: { ...request, peer } },
        recordCount,
      )
    const refused = expect.objectContaining({ code: 'store-busy' })
    const first = take('192.0.2.1', 1_500)
    expect(() => take('192.0.2.1', 501)).toThrow(refused)
    take('192.0.2.1', 500)
    expect(() => take('192.0.2.2', 1_001)).toThrow(refused)
    take('192.0.2.2', 1_000)
    first[Symbol.dispose]()
    take('192.0.2.2', 1_000)
    expect(archives.bytes).toBe(2_500 * limits.archiveEntryBytes)
  })
})
