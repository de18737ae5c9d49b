import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { chunkKey, chunkValueIdOf, innerIdBytes, recordKey } from '../disk/keyspace.ts'
import type { AtomicWrite } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord, textRecord } from '../testing/records.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { decodeInfo, encodeInfo, type RecordInfo } from '../values/record-info.ts'
import { check } from './check.ts'

interface Stored {
  readonly engine: HurtEngine
  readonly contentId: Bytes
  /** The value id of the record 'large', which has two chunks. */
  readonly valueId: Bytes
}

async function storedValues(): Promise<Stored> {
  const engine = new HurtEngine(new MemoryEngine())
  const { stores } = await openTestDomain(engine)
  const store = await stores.create({ ownerId: owner, name: 'coats' })
  await store.put(textRecord('small', 'value'))
  await store.put(bytesRecord('large', patternBytes(2 ** 20 + 5)))
  const { contentId } = await store.identity()
  const [chunk] = await entriesOf(engine, 'chunk')
  return { engine, contentId, valueId: chunkValueIdOf(chunk?.key ?? chunkKey(contentId, 0)) }
}

async function problemsOf(engine: HurtEngine): Promise<string> {
  return (await check(engine)).problems.join('\n')
}

/** A write of the record with a changed info. */
async function rewritten(
  { engine, contentId }: Stored,
  key: string,
  changes: Partial<RecordInfo>,
): Promise<AtomicWrite> {
  const [entry] = await engine.get([recordKey(contentId, key)])
  if (!entry) throw new Error('The test put this record.')
  const value = encodeInfo({ ...decodeInfo(entry), ...changes })
  return { puts: [{ key: entry.key, value }] }
}

type Wrong = (stored: Stored) => AtomicWrite | Promise<AtomicWrite>

const wrongs: readonly [string, string, Wrong][] = [
  ['a lost chunk', 'large', ({ valueId }) => ({ deletes: [chunkKey(valueId, 0)] })],
  ['a lost last chunk', 'large', ({ valueId }) => ({ deletes: [chunkKey(valueId, 1)] })],
  [
    'a chunk that is too short',
    'large',
    ({ valueId }) => ({ puts: [{ key: chunkKey(valueId, 1), value: Buffer.alloc(4) }] }),
  ],
  [
    'a chunk that is too long',
    'large',
    ({ valueId }) => ({ puts: [{ key: chunkKey(valueId, 1), value: Buffer.alloc(6) }] }),
  ],
  [
    'an extra chunk',
    'large',
    ({ valueId }) => ({ puts: [{ key: chunkKey(valueId, 2), value: Buffer.alloc(1) }] }),
  ],
  [
    'an inline value with a wrong size',
    'small',
    (stored) => rewritten(stored, 'small', { size: 6 }),
  ],
  [
    'a value in chunks with a wrong size',
    'large',
    (stored) => rewritten(stored, 'large', { size: 2 ** 20 + 6 }),
  ],
  [
    'a missing value',
    'small',
    (stored) => {
      const place = { kind: 'chunks', valueId: Buffer.alloc(innerIdBytes) } as const
      return rewritten(stored, 'small', { place })
    },
  ],
  [
    'chunks without a record',
    '0'.repeat(24),
    () => ({ puts: [{ key: chunkKey(Buffer.alloc(innerIdBytes), 0), value: Buffer.alloc(1) }] }),
  ],
  [
    'a record without a store',
    'small',
    async ({ engine, contentId }) => {
      const [entry] = await engine.get([recordKey(contentId, 'small')])
      const key = recordKey(Buffer.alloc(innerIdBytes), 'small')
      return { puts: [{ key, value: entry?.value ?? Buffer.of() }] }
    },
  ],
]

describe('a check of the values', () => {
  it.each(wrongs)('finds %s', async (_, named, wrong) => {
    const stored = await storedValues()
    expect(await problemsOf(stored.engine)).toBe('')
    await stored.engine.commit(await wrong(stored))
    expect(await problemsOf(stored.engine)).toContain(named)
  })

  it('finds a damaged record', async () => {
    const { engine, contentId } = await storedValues()
    engine.damage(recordKey(contentId, 'small'))
    expect(await problemsOf(engine)).toContain('small')
  })

  it.each([0, 1])('finds a damaged chunk %i of a value', async (index) => {
    const { engine, valueId } = await storedValues()
    engine.damage(chunkKey(valueId, index))
    expect(await problemsOf(engine)).toContain('large')
  })
})
