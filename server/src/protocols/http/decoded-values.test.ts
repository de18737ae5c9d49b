import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { WholeSource } from '../../core/kernel/byte-source.ts'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import { owner } from '../../core/testing/callers.ts'
import { openTestDomain } from '../../core/testing/test-domain.ts'
import { settle } from '../../core/testing/times.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { DecodedValues } from './decoded-values.ts'

it('a far part of a value takes room until its first byte comes, or its reader goes away', async () => {
  const { stores } = await openTestDomain(new MemoryEngine())
  const store = await stores.create({ ownerId: owner, name: 'encoded' })
  const value = Buffer.from('0123456789'.repeat(300_000))
  const source = new WholeSource(gzipSync(value))
  await store.put({ key: 'k', contentType: 'text/plain', contentEncoding: 'gzip', source })
  const record = await store.get('k')
  if (!record) throw new Error('The record is missing.')
  const values = new DecodedValues()
  const span = { start: value.length - 5, end: value.length }
  const { signal } = new AbortController()
  const far = async (asker = 'a'): Promise<AsyncIterator<Bytes>> =>
    (await values.part(record, span, { owner: asker, signal }))[Symbol.asyncIterator]()
  const most = limits.decodingsBytesOwnerMax / limits.chunkBytes
  const parts = await Promise.all(Array.from({ length: most }, () => far()))
  let begun = 0
  const waiting = [far(), far()]
  for (const one of waiting) {
    void one.then(() => {
      begun += 1
    })
  }
  await (await far('b')).return?.()
  await settle()
  expect(begun).toBe(0)
  await parts[0]?.return?.()
  await settle()
  expect(begun).toBe(1)
  const [, next] = parts
  const first = await next?.next()
  expect(first?.value).toHaveLength(0)
  await settle()
  expect(begun).toBe(1)
  let text = ''
  for (let part = first; part && !part.done; part = await next?.next()) text += String(part.value)
  expect(text).toBe('56789')
  await settle()
  expect(begun).toBe(2)
})
