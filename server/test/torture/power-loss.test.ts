import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Examiner } from '../support/damage/examiner.ts'
import { type Finding, lossesOf, tryLosses } from '../support/damage/images.ts'
import { scale, Tally } from '../support/damage/tally.ts'
import { createDiskFolder, createTestFolder } from '../support/data/test-folder.ts'
import { filesAfter } from '../support/disk/power-loss.ts'
import { cutAt, joined, type Recording, record } from '../support/disk/recording.ts'
import { Random } from '../support/load/random.ts'

const images = 12 * scale
const seconds = Math.ceil(scale / 4)
const testMsMax = 120_000 * scale
const commits = scale > 1 ? 300 : 48
/** Fills both halves of the journal, in a long run. */
const heavy = { what: 'long values', writers: 2, commits: 100, isHeavy: true, seed: 7 }

describe('after a loss of power', { timeout: testMsMax }, () => {
  const tally = new Tally('power-loss')
  let examiner: Examiner

  beforeAll(() => {
    examiner = new Examiner()
  })

  afterAll(() => examiner.close())

  it.each([
    { what: 'one writer', writers: 1, commits, restAt: 30, seed: 1 },
    { what: 'four writers', writers: 4, commits: commits / 4, restAt: 8, seed: 2 },
    { what: 'a first start', writers: 1, commits: 2, seed: 3 },
    ...(scale > 1 ? [heavy] : []),
  ])('everything acknowledged is there: $what', async ({ what, seed, ...load }) => {
    const recording = record({ place: createDiskFolder(), session: 1, seed, ...load })
    expect(told(recording, 'acknowledged')).toBe(load.writers * load.commits)
    expect(told(recording, 'stale')).toBe(0)
    const findings = await tryAll(recording, { count: images, seed })
    tally.add(`power loss, ${what}`, { tried: images, faults: faultsOf(findings) })
    expect(tally.unknown).toEqual([])
  })

  it('it is there after a second loss, soon after the start that followed the first', async () => {
    const first = record({ place: createDiskFolder(), session: 1, ...smallLoad(4) })
    const draw = lossesOf({ recording: first, seed: 4 })
    const findings: Finding[] = []
    for (let index = 0; index < seconds; index += 1) {
      const { loss, files } = draw(index)
      const load = { ...smallLoad(4), commits: 20, end: 'kill' } as const
      const second = record({ place: createDiskFolder(), session: 2, files, ...load })
      expect(told(second, 'acknowledged')).toBe(20)
      const before = first.events
        .filter(({ at }) => at < loss.at)
        .map((each) => ({ ...each, at: 0 }))
      const both = { ...second, events: [...before, ...second.events] }
      findings.push(...(await tryAll(both, { count: images, seed: index })))
    }
    tally.add('a second power loss', { tried: images * seconds, faults: faultsOf(findings) })
    expect(tally.unknown).toEqual([])
  })

  it('it is there if the process was killed before, and started again', async () => {
    const findings: Finding[] = []
    const first = record({ place: createDiskFolder(), session: 1, ...smallLoad(5) })
    for (const [index, at] of killMoments(first).entries()) {
      const killed = cutAt(first, at)
      const files = filesAfter(killed, { at, survival: 'all' }, new Random(index))
      const load = { ...smallLoad(5), commits: 20, end: 'kill' } as const
      const second = record({ place: createDiskFolder(), session: 2, files, ...load })
      expect(told(second, 'acknowledged')).toBe(20)
      const both = joined(killed, second)
      findings.push(...(await tryAll(both, { count: images, seed: index, from: at })))
    }
    const tried = images * killMoments(first).length
    tally.add('a kill, a start and a power loss', { tried, faults: faultsOf(findings) })
    expect(tally.unknown).toEqual([])
  })

  it('all that is known to be lost is still lost', () => {
    expect(tally.unseen).toEqual([])
  })

  function tryAll(
    recording: Recording,
    options: { count: number; seed: number; from?: number },
  ): Promise<Finding[]> {
    return tryLosses({ recording, examiner, place: createTestFolder(), ...options })
  }
})

function smallLoad(seed: number): { seed: number; writers: number; commits: number } {
  return { seed, writers: 1, commits: 25 }
}

/** The first write of the journal, which is not synced yet, and in a long run random moments. */
function killMoments({ operations, end }: Recording): number[] {
  const first = operations.find((each) => each.kind === 'write' && each.file.startsWith('journal'))
  const random = new Random(6)
  const others = Array.from({ length: seconds - 1 }, () => random.between(first?.endedAt ?? 0, end))
  return [(first?.endedAt ?? 0) + 1, ...others]
}

function told({ events }: Recording, kind: string): number {
  return events.filter(({ event }) => event.kind === kind).length
}

function faultsOf(findings: readonly Finding[]): string[] {
  return findings.map(({ fault, loss, index }) => `${fault} (${loss.survival}, number ${index})`)
}
