import { describe, expect, it } from 'vitest'
import { tryLosses } from '../support/damage/images.ts'
import { copyWith, mutants } from '../support/damage/mutants.ts'
import { scale, Tally } from '../support/damage/tally.ts'
import { useExaminer } from '../support/damage/test-examiner.ts'
import { createDiskFolder, createTestFolder } from '../support/data/test-folder.ts'
import { record, startedFiles } from '../support/disk/recording.ts'

/** In a short run one mistake of the engine is enough to see that the tests notice mistakes. */
const tried = scale > 1 ? mutants : mutants.slice(0, 1)
const imagesMax = 60
const testMsMax = 600_000

describe('an engine with a mistake', { timeout: testMsMax }, () => {
  const examiner = useExaminer()

  it.each(tried)('is noticed: $name', async (mutant) => {
    const server = copyWith(mutant, createTestFolder())
    const load = { seed: 1, session: 1, writers: 1, commits: 60, restAt: 30 }
    const files = mutant.isOfFirstStart ? new Map() : startedFiles()
    const recording = record({ place: createDiskFolder(), files, server, ...load })
    const stale = recording.events.filter(({ event }) => event.kind === 'stale').length
    const acknowledged = recording.events.find(({ event }) => event.kind === 'acknowledged')
    // A first start that is interrupted before has a fault of its own.
    const from = acknowledged?.at ?? recording.end
    const faults = stale > 0 ? [`${stale} stale reads`] : []
    let images = 0
    for (; images < imagesMax && faults.length === 0; images += 5) {
      const place = createTestFolder()
      const series = { recording, count: 5, seed: images, examiner, place, from }
      faults.push(...(await tryLosses(series)).map(({ fault }) => fault))
    }
    new Tally('mutants').add(mutant.name, { tried: images, faults })
    expect(faults).not.toEqual([])
  })
})
