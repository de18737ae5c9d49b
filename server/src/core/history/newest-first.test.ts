import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { auditRange } from '../disk/keyspace.ts'
import type { KeyRange, Revision, StorageEngine } from '../engine/engine.ts'
import { auditPut } from '../log/audit.ts'
import { otherOwner, owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { type NewestQuery, readNewest } from './newest-first.ts'

const rangeOf = (revision: Revision): KeyRange => auditRange(owner, revision)

/** Writes entries (true), and other commits between them (their number). */
async function logWith(
  steps: readonly (true | number)[],
): Promise<{ engine: StorageEngine; revisions: readonly Revision[] }> {
  const engine = new MemoryEngine()
  const revisions: Revision[] = []
  const event = { action: 'store-changed', subject: '', at: 0 } as const
  for (const step of steps) {
    if (step === true) {
      const commit = await engine.commit({ puts: [auditPut(owner, event)] })
      if (commit.applied) revisions.push(commit.revision)
      continue
    }
    for (let made = 0; made < step; made += 1) {
      await engine.commit({ puts: [auditPut(otherOwner, event)] })
    }
  }
  return { engine, revisions: revisions.toReversed() }
}

async function read(
  engine: StorageEngine,
  query: NewestQuery,
): Promise<{ found: readonly Revision[]; more: boolean }> {
  const { entries, more } = await readNewest(engine, rangeOf, query)
  return { found: entries.map(({ revision }) => revision), more }
}

describe('a log that is read backwards', () => {
  it('comes completely and once, the newest first, in pages of any size, with any gaps between', async () => {
    const anyStep = fc.oneof(
      { weight: 8, arbitrary: fc.constant<true>(true) },
      { weight: 2, arbitrary: fc.nat({ max: 20 }) },
      { weight: 1, arbitrary: fc.nat({ max: 2_500 }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { maxLength: 60 }),
        fc.integer({ min: 1, max: 30 }),
        async (steps, limit) => {
          const { engine, revisions } = await logWith(steps)
          const seen: Revision[] = []
          let before: Revision | undefined
          for (;;) {
            const page = await read(engine, { before, limit })
            seen.push(...page.found)
            expect(page.more).toBe(seen.length < revisions.length)
            if (!page.more) break
            expect(page.found).toHaveLength(limit)
            before = page.found.at(-1)
          }
          expect(seen).toEqual(revisions)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('begins before any revision, even one without an entry, or one in the future', async () => {
    const { engine, revisions } = await logWith([3, true, true, 2, true, 1_500, true, 4])
    const newest = await engine.newerThan(-1, new AbortController().signal)
    for (let before = 0; before <= newest + 3; before += 1) {
      const older = revisions.filter((revision) => revision < before)
      const page = await read(engine, { before, limit: 2 })
      expect(page).toEqual({ found: older.slice(0, 2), more: older.length > 2 })
    }
    const all = await read(engine, { before: Number.MAX_SAFE_INTEGER, limit: 9 })
    expect(all).toEqual({ found: revisions, more: false })
  })

  it('is empty if nothing was written', async () => {
    const empty = { found: [], more: false }
    expect(await read(new MemoryEngine(), { before: undefined, limit: 5 })).toEqual(empty)
    const { engine } = await logWith([2_000])
    expect(await read(engine, { before: undefined, limit: 5 })).toEqual(empty)
    expect(await read(engine, { before: 0, limit: 5 })).toEqual(empty)
  })

  it('has the entries before damaged ones', async () => {
    const { engine, revisions } = await logWith(Array.from({ length: 6 }, () => true))
    const hurt = new HurtEngine(engine)
    const entries = await entriesOf(engine, 'audit')
    for (const index of [1, 2, 5]) hurt.damage(entries[index]?.key ?? Buffer.of())
    const [, second, , , fifth, sixth] = revisions
    const first = await read(hurt, { before: undefined, limit: 1 })
    expect(first).toEqual({ found: [second], more: true })
    const rest = await read(hurt, { before: second, limit: 2 })
    expect(rest).toEqual({ found: [revisions[2], sixth], more: false })
    expect(rest.found).not.toContain(fifth)
  })

  it('is not read completely for its last entries', async () => {
    const { engine } = await logWith(Array.from({ length: 5_000 }, () => true))
    let scanned = 0
    const scan = engine.scan.bind(engine)
    engine.scan = async (range, bound) => {
      const page = await scan(range, bound)
      scanned += page.entries.length
      return page
    }
    await read(engine, { before: undefined, limit: 10 })
    expect(scanned).toBeLessThanOrEqual(1_000)
  })
})
