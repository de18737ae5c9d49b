import { describe, expect, it } from 'vitest'
import { drawFlips, fill, tryFlip } from '../support/damage/flips.ts'
import { scale, Tally } from '../support/damage/tally.ts'
import { useExaminer } from '../support/damage/test-examiner.ts'
import { createTestFolder } from '../support/data/test-folder.ts'

const flips = scale > 1 ? 1_200 : 20
const testMsMax = 120_000 * scale

describe('a bit that changed on disk', { timeout: testMsMax }, () => {
  const tally = new Tally('bit-flips')
  const examiner = useExaminer()

  it.each(['killed', 'closed'] as const)(
    'shows no wrong value and hides none in a %s folder',
    async (name) => {
      const place = createTestFolder()
      const filled = await fill(name, { place, examiner })
      expect(filled.entries.size).toBeGreaterThan(150)
      const faults: string[] = []
      for (const flip of drawFlips(filled, { count: flips, seed: 1 })) {
        const fault = await tryFlip(filled, { flip, examiner, place })
        const where = `${flip.file}, ${flip.field}`
        if (fault !== undefined)
          faults.push(`${where}: ${fault} (bit ${flip.bit} of byte ${flip.at})`)
      }
      expect(tally.add(`a bit of a ${name} folder`, { tried: flips, faults })).toEqual([])
    },
  )

  it('all that is known to go wrong still does', () => {
    expect(tally.unseen).toEqual([])
  })
})
