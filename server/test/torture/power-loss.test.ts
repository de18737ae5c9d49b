import { beforeAll, describe, expect, it } from 'vitest'
import { lossesOf, tryLosses } from '../support/damage/images.ts'
import { scale, Tally } from '../support/damage/tally.ts'
import { useExaminer } from '../support/damage/test-examiner.ts'
import { createDiskFolder, createTestFolder } from '../support/data/test-folder.ts'
import { filesAfter } from '../support/disk/power-loss.ts'
import {
  cutAt,
  type Files,
  joined,
  type Recording,
  record,
  startedFiles,
} from '../support/disk/recording.ts'
import { Random } from '../support/load/random.ts'

const images = scale > 1 ? 12 * scale : 5
const seconds = Math.ceil(scale / 4)
const testMsMax = 120_000 * scale
const commits = scale > 1 ? 300 : 48
const load = { seed: 5, writers: 1, commits: 20 }
/** Fills both halves of the journal, in a long run. */
const heavy = { what: 'long values', writers: 2, commits: 100, isHeavy: true, seed: 7 }

describe('after a loss of power', { timeout: testMsMax }, () => {
  const tally = new Tally('power-loss')
  const examiner = useExaminer()
  let started: Files

  beforeAll(() => {
    started = startedFiles()
  })

  it.each([
    { what: 'one writer', writers: 1, commits, restAt: 30, seed: 1, isFirst: false },
    { what: 'four writers', writers: 4, commits: commits / 4, restAt: 8, seed: 2, isFirst: false },
    { what: 'a first start', writers: 1, commits: 2, seed: 3, isFirst: true },
    ...(scale > 1 ? [{ ...heavy, isFirst: false }] : []),
  ])('everything acknowledged is there: $what', async ({ what, seed, isFirst, ...load }) => {
    const files = isFirst ? new Map() : started
    const recording = record({ place: createDiskFolder(), files, session: 1, seed, ...load })
    expect(told(recording, 'acknowledged')).toBe(load.writers * load.commits)
    expect(told(recording, 'stale')).toBe(0)
    const faults = await tryAll(recording, { count: images, seed })
    expect(tally.add(`power loss, ${what}`, { tried: images, faults })).toEqual([])
  })

  it('it is there after a second loss, soon after the start that followed the first', async () => {
    const first = record({ place: createDiskFolder(), files: started, session: 1, ...load })
    const draw = lossesOf({ recording: first, seed: 4 })
    const faults: string[] = []
    for (let index = 0; index < seconds; index += 1) {
      const { loss, files } = draw(index)
      const second = record({ place: createDiskFolder(), files, session: 2, ...load, end: 'kill' })
      faults.push(...refusalsIn(second))
      const before = first.events.filter(({ at }) => at < loss.at)
      const events = [...before.map((each) => ({ ...each, at: 0 })), ...second.events]
      faults.push(...(await tryAll({ ...second, events }, { count: images, seed: index })))
    }
    expect(tally.add('a second power loss', { tried: images * seconds, faults })).toEqual([])
  })

  it.each([
    { what: 'a kill, a start and a power loss', isFirst: false },
    { what: 'a kill in a first start, a start and a power loss', isFirst: true },
  ])('it is there after $what', async ({ what, isFirst }) => {
    const files = isFirst ? new Map() : started
    const first = record({ place: createDiskFolder(), files, session: 1, ...load })
    const moments = killMoments(first)
    const faults: string[] = []
    for (const [index, at] of moments.entries()) {
      const killed = cutAt(first, at)
      const found = filesAfter(killed, { at, survival: 'all' }, new Random(index))
      const again = { files: found, session: 2, ...load, end: 'kill' } as const
      const second = record({ place: createDiskFolder(), ...again })
      faults.push(...refusalsIn(second))
      const both = joined(killed, second)
      const series = { count: images, seed: index, from: at }
      faults.push(...(await tryAll(both, series)))
      // A start has few moments, and each of them matters.
      const until = both.events.find((each) => each.at > at)?.at ?? both.end
      faults.push(...(await tryAll(both, { ...series, until })))
    }
    expect(tally.add(what, { tried: 2 * images * moments.length, faults })).toEqual([])
  })

  it('all that is known to be lost is still lost', () => {
    expect(tally.unseen).toEqual([])
  })

  async function tryAll(
    recording: Recording,
    options: { count: number; seed: number; from?: number; until?: number },
  ): Promise<string[]> {
    const series = { recording, examiner, place: createTestFolder(), ...options }
    const findings = await tryLosses(series)
    return findings.map(({ fault, loss, index }) => `${fault} (${loss.survival}, number ${index})`)
  }
})

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

/** The engine did not open, although the process before it was only killed or lost its power. */
function refusalsIn({ events }: Recording): string[] {
  return events.flatMap(({ event }) =>
    event.kind === 'failed' ? [`refused: ${event.sentence}`] : [],
  )
}
