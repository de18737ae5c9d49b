import { describe, expect, it } from 'vitest'
import { allFaults, FaultyEngine } from '../../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../../engines/memory.ts'
import type { StorageEngine } from '../../engine/engine.ts'
import { NamedRequest } from '../../idempotency/named-request.ts'
import { contentLinkText } from '../../identity/content-link.ts'
import { StorageError } from '../../kernel/errors.ts'
import type { Store } from '../../stores/store.ts'
import { owner } from '../../testing/callers.ts'
import { entriesOf } from '../../testing/entries.ts'
import { codeOf } from '../../testing/outcomes.ts'
import { patternBytes } from '../../testing/pattern-bytes.ts'
import { bytesRecord, readBytes, readText, textRecord } from '../../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../../testing/test-domain.ts'
import { hour } from '../../testing/times.ts'
import { check } from '../../upkeep/check.ts'

async function opened(
  engine: StorageEngine = new MemoryEngine(),
): Promise<{ domain: TestDomain; store: Store }> {
  const domain = await openTestDomain(engine)
  return { domain, store: await domain.stores.create({ ownerId: owner, name: 'coats' }) }
}

async function keysOf(store: Store): Promise<string[]> {
  const { items } = await store.list({ prefix: '', startAfter: undefined, limit: 1_000 })
  return items.map(({ key }) => key)
}

describe('moving a record', () => {
  it('keeps its value, type and encoding, and gives it a new revision and time', async () => {
    const { domain, store } = await opened()
    const source = textRecord('a', 'not really gzip')
    await store.put({ ...source, contentType: 'text/x-odd; a=b', contentEncoding: 'gzip' })
    const before = await store.head('a')
    domain.environment.advance(5_000)
    const { revision } = await store.move({ from: 'a', to: 'dir/b' })
    expect(await store.head('dir/b')).toEqual({
      ...before,
      key: 'dir/b',
      revision,
      modifiedAt: (before?.modifiedAt ?? 0) + 5_000,
    })
    expect(revision).toBeGreaterThan(before?.revision ?? 0)
    expect(await readText(store, 'dir/b')).toBe('not really gzip')
    expect(await keysOf(store)).toEqual(['dir/b'])
    expect(await store.info()).toMatchObject({ recordCount: 1, storedBytes: 15 })
  })

  it('is one commit: the log has both changes under one revision', async () => {
    const { store } = await opened()
    const put = await store.put(textRecord('a', 'x'))
    const { revision } = await store.move({ from: 'a', to: 'b' })
    const { changes } = await store.changes({ after: put.revision, prefix: '' })
    expect(changes).toMatchObject([
      { kind: 'delete', key: 'a', size: 0, revision },
      { kind: 'put', key: 'b', size: 1, revision },
    ])
  })

  it('neither copies nor removes the parts of a long value', async () => {
    const { domain, store } = await opened()
    const bytes = patternBytes(3 * 2 ** 20 + 5)
    await store.put(bytesRecord('long', bytes))
    const chunks = await entriesOf(domain.engine, 'chunk')
    await store.move({ from: 'long', to: 'moved' })
    expect(await entriesOf(domain.engine, 'chunk')).toEqual(chunks)
    expect(await entriesOf(domain.engine, 'garbage')).toEqual([])
    await sweepFor(domain, 3 * hour)
    expect(Buffer.from((await readBytes(store, 'moved')) ?? []).equals(bytes)).toBe(true)
    expect((await check(domain.engine)).problems).toEqual([])
    await store.delete('moved')
    await sweepFor(domain, 3 * hour)
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
  })

  it('does not end a download that has begun', async () => {
    const { domain, store } = await opened()
    const bytes = patternBytes(2 * 2 ** 20)
    await store.put(bytesRecord('long', bytes))
    const record = await store.get('long')
    const chunks = record?.value.chunks()
    const first = await chunks?.next()
    await store.move({ from: 'long', to: 'moved' })
    await store.delete('moved')
    await sweepFor(domain, 3 * hour)
    const second = await chunks?.next()
    expect(Buffer.concat([first?.value ?? [], second?.value ?? []].map(Buffer.from))).toEqual(
      Buffer.from(bytes),
    )
    await chunks?.return(undefined)
    record?.value[Symbol.dispose]()
  })

  it('replaces a record only if it is told to, and removes the replaced value', async () => {
    const { domain, store } = await opened()
    await store.put(textRecord('a', 'new'))
    await store.put(bytesRecord('b', patternBytes(2 ** 20 + 1)))
    expect(await codeOf(store.move({ from: 'a', to: 'b' }))).toBe('record-exists')
    expect(await keysOf(store)).toEqual(['a', 'b'])
    await store.move({ from: 'a', to: 'b', isOverwriting: true })
    expect(await readText(store, 'b')).toBe('new')
    expect(await store.info()).toMatchObject({ recordCount: 1, storedBytes: 3 })
    await sweepFor(domain, 3 * hour)
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('refuses missing records, impossible keys and conditions that do not hold', async () => {
    const { store } = await opened()
    const { revision } = await store.put(textRecord('a', 'x'))
    const code = (...[move, options]: Parameters<Store['move']>): Promise<string> =>
      codeOf(store.move(move, options))
    expect(await code({ from: 'none', to: 'b' })).toBe('record-not-found')
    expect(await code({ from: 'a', to: 'x'.repeat(2_401) })).toBe('record-key-invalid')
    expect(await code({ from: 'a', to: '\ud800' })).toBe('record-key-invalid')
    expect(await code({ from: 'a', to: contentLinkText(store.id, '0') })).toBe('record-key-invalid')
    const condition = { kind: 'revision', anyOf: [revision + 1] } as const
    expect(await code({ from: 'a', to: 'b' }, { condition })).toBe('condition-failed')
    expect(await keysOf(store)).toEqual(['a'])
    const holds = { kind: 'revision', anyOf: [revision] } as const
    expect(await code({ from: 'a', to: 'b' }, { condition: holds })).toBe('none')
  })

  it('has no older revision after its JSON was checked', async () => {
    const { store } = await opened()
    const { revision } = await store.put(textRecord('a', 'x'))
    store.rememberJson('a', revision, 'sound')
    while ((await store.head('a'))?.jsonState !== 'sound') await new Promise(setImmediate)
    expect(await store.head('a')).toMatchObject({ revision })
    const moved = await store.move({ from: 'a', to: 'b' })
    expect(await store.head('b')).toMatchObject({ revision: moved.revision, jsonState: 'sound' })
  })

  it('is refused by its check, which sees the value', async () => {
    const { store } = await opened()
    await store.put(textRecord('a', 'bad'))
    const refuse = async (record: { value: { read(): Promise<Uint8Array> } }): Promise<void> => {
      const text = Buffer.from(await record.value.read()).toString()
      if (text === 'bad') throw new StorageError('update-invalid', 'No.')
    }
    expect(await codeOf(store.move({ from: 'a', to: 'b' }, { check: refuse }))).toBe(
      'update-invalid',
    )
    expect(await keysOf(store)).toEqual(['a'])
    await store.put(textRecord('a', 'good'))
    await store.move({ from: 'a', to: 'b' }, { check: refuse })
    expect(await keysOf(store)).toEqual(['b'])
  })

  it('is done once, however often its request is sent', async () => {
    const { store } = await opened()
    await store.put(textRecord('a', 'x'))
    const ask = () => {
      const request = new NamedRequest({ scope: 'jane', name: 'n', parts: ['a', 'b'] })
      return store.move({ from: 'a', to: 'b' }, { request })
    }
    const first = await ask()
    await store.put(textRecord('a', 'another'))
    expect(await ask()).toEqual(first)
    expect(await readText(store, 'a')).toBe('another')
  })

  it('gives one record to one of many moves at the same time, and loses none', async () => {
    const { store } = await opened()
    for (const key of ['0', '1', '2', '3']) await store.put(textRecord(key, key))
    const targets = ['a', 'b', 'c', 'd', '0', '1', '2', '3']
    const moves = targets.flatMap((to) =>
      ['0', '1', '2', '3'].filter((from) => from !== to).map((from) => store.move({ from, to })),
    )
    const codes = await Promise.all(moves.map(codeOf))
    const refusals = ['none', 'record-not-found', 'record-exists']
    expect(codes.filter((code) => !refusals.includes(code))).toEqual([])
    const values = await Promise.all((await keysOf(store)).map((key) => readText(store, key)))
    expect(values.toSorted()).toEqual(['0', '1', '2', '3'])
  })

  it('is whole or not done, whatever fails', async () => {
    const memory = new MemoryEngine()
    const faults = { delay: 0, conflict: 0, failBefore: 0, unknown: 0 }
    const { store } = await opened(new FaultyEngine(memory, { faults, seed: 3 }))
    const bytes = patternBytes(2 ** 20 + 5)
    await store.put(bytesRecord('a', bytes))
    Object.assign(faults, allFaults)
    const codes = new Set<string>()
    for (let round = 0; round < 40; round += 1) {
      const [from = ''] = await keysOf(store)
      codes.add(await codeOf(store.move({ from, to: from === 'a' ? 'b' : 'a' })))
      expect(await keysOf(store)).toHaveLength(1)
    }
    expect(codes).toContain('none')
    expect(codes.size).toBeGreaterThan(1)
    const [key = ''] = await keysOf(store)
    expect(Buffer.from((await readBytes(store, key)) ?? []).equals(bytes)).toBe(true)
    expect((await check(memory)).problems).toEqual([])
  })
})
