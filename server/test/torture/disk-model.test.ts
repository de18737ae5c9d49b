import { describe, expect, it } from 'vitest'
import type { Operation } from '../support/disk/operations.ts'
import { filesAfter, momentsOf, survivals } from '../support/disk/power-loss.ts'
import type { Recording } from '../support/disk/recording.ts'
import { Random } from '../support/load/random.ts'

type Step = Partial<Operation> & { readonly kind: Operation['kind'] }

const draws = 40
const page = 4_096
const create = { kind: 'create', name: 'data', file: 'data' } as const
const syncFolder = { kind: 'sync-folder' } as const
const sync = { kind: 'sync', file: 'data' } as const

describe('the model of a disk', () => {
  it('keeps everything that was synced, whatever else it keeps', () => {
    const recording = recordingOf([create, write('old', 0), sync, syncFolder, write('new', page)])
    expect(outcomesOf(recording)).toEqual(['old', 'old ', 'old new'])
  })

  it('keeps what a synced write wrote, but nothing that another descriptor wrote elsewhere', () => {
    const synced = { ...write('now', 0), isSynced: true }
    const recording = recordingOf([create, syncFolder, write('far', page), synced])
    const outcomes = outcomesOf(recording)
    expect(outcomes.every((text) => text.startsWith('now'))).toBe(true)
    expect(outcomes).toContain('now far')
    expect(outcomes.some((text) => !text.includes('far'))).toBe(true)
  })

  it('loses a name that was not synced with its folder, even if the file was', () => {
    const outcomes = outcomesOf(recordingOf([create, write('old', 0), sync]))
    expect(outcomes).toEqual(['absent', 'old'])
  })

  it('does not write again what a disk refused, until the page is written once more', () => {
    const lost = { ...write('lost', 0), isSynced: true, isLost: true }
    const after = { ...write('next', 100), isSynced: true }
    expect(outcomesOf(recordingOf([create, syncFolder, lost, sync]))).toContain('')
    const outcomes = outcomesOf(recordingOf([create, syncFolder, lost, after]))
    expect(outcomes).toEqual(['lost next'])
  })

  it('tears a write between two sectors, and never inside one', () => {
    const long = write('x'.repeat(1_024), 0)
    const recording = recordingOf([create, write('-'.repeat(1_024), 0), sync, syncFolder, long])
    const counts = outcomesOf(recording).map((text) => text.split('x').length - 1)
    expect(new Set(counts)).toEqual(new Set([0, 512, 1_024]))
  })

  it('undoes a cut that was not synced', () => {
    const cut = { kind: 'resize', file: 'data', size: 1 } as const
    const outcomes = outcomesOf(recordingOf([create, write('old', 0), sync, syncFolder, cut]))
    expect(outcomes).toContain('old')
    expect(outcomes).toContain('o')
  })

  it('puts the power loss before, into and after each call', () => {
    expect(momentsOf(recordingOf([create, sync]))).toEqual([1, 2, 3, 4, 5])
  })
})

function write(text: string, place: number) {
  const bytes = Buffer.from(text)
  return { kind: 'write', file: 'data', place, bytes, isSynced: false, isLost: false } as const
}

function recordingOf(steps: readonly Step[]): Recording {
  const operations = steps.map((step, index) => {
    return { ...step, beganAt: index * 2, endedAt: index * 2 + 1 } as Operation
  })
  return { base: new Map(), operations, events: [], end: steps.length * 2 + 1, died: undefined }
}

/** All that a loss of power after the last call may leave. Zeros are shown as a space. */
function outcomesOf(recording: Recording): string[] {
  const outcomes = new Set<string>()
  for (const survival of survivals) {
    for (let seed = 0; seed < draws; seed += 1) {
      const files = filesAfter(recording, { at: recording.end, survival }, new Random(seed))
      const text = files.get('data')?.toString() ?? 'absent'
      outcomes.add(text.replace(/\0+/g, ' '))
    }
  }
  return [...outcomes].sort()
}
