import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import type { Revision } from '../engine/engine.ts'
import { system } from '../identity/caller.ts'
import { StorageError } from '../kernel/errors.ts'
import type { Actor } from '../log/actor.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import type { WholeRecord } from './record.ts'
import { playOut } from './write-combiner.ts'

const actor: Actor = { userId: owner, tokenId: '00ff00ff00ff00ff', door: 'nemesis' }
const caller = { ...system, actor }

function recordOf(key: string, text: string): WholeRecord {
  return { key, contentType: 'application/json', bytes: Buffer.from(text), jsonState: 'sound' }
}

describe('simultaneous writes of one actor', () => {
  it('are one commit, and each sees the result of those before it', async () => {
    const engine = new MemoryEngine()
    const { stores } = await openTestDomain(engine)
    const { id } = await stores.create({ ownerId: owner, name: 'coats' })
    const { batch } = await stores.find(id, caller)
    const found = await Promise.all([
      batch.put([recordOf('a', '1')]),
      batch.add([recordOf('a', '2'), recordOf('b', '2')]),
      batch.delete(['a', 'none']),
      batch.put([recordOf('a', '3')]),
    ])
    expect(found).toEqual([[false], [true, false], [true, false], [false]])
    const revisions = new Set((await entriesOf(engine, 'record')).map(({ revision }) => revision))
    expect(revisions.size).toBe(1)
    const records = await batch.get(['a', 'b'])
    const texts = records.map((record) => Buffer.from(record?.value.inline ?? '').toString())
    expect(texts).toEqual(['3', '2'])
  })

  it('fail alone: one that is refused does not fail the others', async () => {
    const { stores } = await openTestDomain(new MemoryEngine())
    const { id } = await stores.create({ ownerId: owner, name: 'coats' })
    const { batch } = await stores.find(id, caller)
    const good = batch.put([recordOf('a', '1')])
    const bad = batch.put([recordOf('b\ud800', '1')])
    expect(await codeOf(bad)).toBe('record-key-invalid')
    expect(await good).toEqual([false])
  })

  it('are not tried again alone after an unknown outcome', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { stores } = await openTestDomain(engine)
    const { id } = await stores.create({ ownerId: owner, name: 'coats' })
    const { batch } = await stores.find(id, caller)
    engine.beforeAnswer = () => {
      throw new StorageError('outcome-unknown', 'Lost.')
    }
    const works = [batch.put([recordOf('a', '1')]), batch.put([recordOf('b', '1')])]
    const codes = await Promise.all(works.map(codeOf))
    expect(codes).toEqual(['outcome-unknown', 'outcome-unknown'])
  })

  it('are not combined with those of another actor', async () => {
    const engine = new MemoryEngine()
    const { stores } = await openTestDomain(engine)
    const { id } = await stores.create({ ownerId: owner, name: 'coats' })
    const mine = (await stores.find(id, caller)).batch
    const other = { ...system, actor: { ...actor } }
    const theirs = (await stores.find(id, other)).batch
    await Promise.all([mine.put([recordOf('a', '1')]), theirs.put([recordOf('b', '1')])])
    const revisions = new Set((await entriesOf(engine, 'record')).map(({ revision }) => revision))
    expect(revisions.size).toBe(2)
  })
})

it('applies calls as a map would, one after the other', () => {
  const anyKey = fc.constantFrom('a', 'b', 'c')
  const anyCall = fc.record({
    onlyAbsent: fc.boolean(),
    changes: fc.uniqueArray(
      fc.record({ key: anyKey, text: fc.option(fc.constantFrom('1', '2'), { nil: undefined }) }),
      { selector: ({ key }) => key, maxLength: 3 },
    ),
  })
  const info = { size: 1, place: { kind: 'inline', bytes: Buffer.from('0') } } as const
  const there = { key: Buffer.from('k'), revision: 1 as Revision, info }
  fc.assert(
    fc.property(fc.array(anyCall), fc.subarray(['a', 'b', 'c']), (calls, present) => {
      const model = new Map<string, string>(present.map((key) => [key, '0']))
      const expected = calls.map(({ changes, onlyAbsent }) => {
        const existed = changes.map(({ key }) => model.has(key))
        for (const { key, text } of changes) {
          if (onlyAbsent && model.has(key)) continue
          if (text === undefined) model.delete(key)
          else model.set(key, text)
        }
        return existed
      })
      const entries = new Map(['a', 'b', 'c'].map((key) => [key, undefined]))
      const known = new Map([...entries, ...present.map((key) => [key, there] as const)])
      const { changes, found } = playOut(
        calls.map((call) => ({
          ...call,
          changes: call.changes.map(({ key, text }) => ({
            key,
            record: text === undefined ? undefined : recordOf(key, text),
          })),
        })),
        known,
      )
      const after = new Map<string, string>(present.map((key) => [key, '0']))
      for (const { key, record } of changes) {
        if (record) after.set(key, Buffer.from(record.bytes).toString())
        else after.delete(key)
      }
      expect(found).toEqual(expected)
      expect(after).toEqual(model)
    }),
  )
})
