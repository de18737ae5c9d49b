import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Ending, type Examination, Examiner } from '../support/damage/examiner.ts'
import { tryLosses } from '../support/damage/images.ts'
import { type Fault, judgeCrash } from '../support/damage/judge.ts'
import { scale, Tally } from '../support/damage/tally.ts'
import { useExaminer } from '../support/damage/test-examiner.ts'
import { createDiskFolder, createTestFolder } from '../support/data/test-folder.ts'
import {
  type Files,
  joined,
  type Recording,
  readFolder,
  record,
  startedFiles,
  write,
  writeFolder,
} from '../support/disk/recording.ts'
import type { TimedEvent, WriterEvent } from '../support/disk/writer-job.ts'
import { straceWords } from '../support/processes/strace.ts'

const testMsMax = 120_000 * scale
const load = { session: 1, writers: 1, commits: 20 }
/** Later than everything. */
const end = Number.MAX_SAFE_INTEGER
const journalFault = { file: 'journal' }
const images = scale > 1 ? 6 * scale : 5

describe('after a call that failed', { timeout: testMsMax }, () => {
  const tally = new Tally('failing-calls')
  const examiner = useExaminer()
  let started: Files

  beforeAll(() => {
    started = startedFiles()
  })

  it('a folder opens with everything acknowledged, also if the bytes were written', async () => {
    const faults: string[] = []
    const cases = upTo(1, 6).flatMap((failedWrite) =>
      ([{ end: 'close' }, { end: 'close', restsAtEnd: true }, { end: 'kill' }] as const).map(
        (end) => ({ failedWrite: failedWrite * 3, end }),
      ),
    )
    for (const { failedWrite, end } of cases) {
      const { folder, events } = write({
        ...{ place: createDiskFolder(), seed: failedWrite, ...load, ...end },
        faults: { ...journalFault, failedWrite },
      })
      expect(events.some(({ kind }) => kind === 'fault')).toBe(true)
      faults.push(...(await judged(folder, events.map(afterwards), `${Object.keys(end)}: `)))
    }
    expect(
      tally.add('a write reports an error after its bytes', { tried: cases.length, faults }),
    ).toEqual([])
  })

  it('a folder opens with everything acknowledged, if calls failed without a trace', async () => {
    const faults: string[] = []
    let tried = 0
    const calls = scale > 1 ? ['pwrite64', 'writev', 'fdatasync', 'fsync'] : ['pwrite64']
    for (const call of calls) {
      for (const number of upTo(2, 12)) {
        const inject = ['-e', `inject=${call}:error=EIO:when=${number}`]
        const place = createDiskFolder()
        const files = number === 1 ? new Map() : started
        const { events, died } = record({ place, files, seed: number, ...load, inject })
        faults.push(...faultIn(died && `call ${number} of ${call}: ${died}`))
        faults.push(...(await judged(join(place, 'lmdb'), events, `call ${number} of ${call}: `)))
        tried += 1
      }
    }
    expect(tally.add('a call fails', { tried, faults })).toEqual([])
  })

  it('a start makes durable what an earlier process only left in memory', async () => {
    const faults: string[] = []
    for (const failedWrite of upTo(1, 6)) {
      const { recording, from } = recordRestart(started, failedWrite * 3)
      const place = createTestFolder()
      const series = { recording, count: images, seed: failedWrite, examiner, place, from }
      faults.push(...(await tryLosses(series)).map(({ fault }) => fault))
    }
    expect(
      tally.add('a failed write, a start and a power loss', {
        tried: images * upTo(1, 6).length,
        faults,
      }),
    ).toEqual([])
  })

  it.each(['journal', 'data.mdb'])(
    'an unreadable place of %s is not taken for its end',
    async (file) => {
      const { files, events } = killedFolder()
      const size = files.get(file)?.length ?? 0
      const faults: string[] = []
      const places = upTo(2, 40).map((part) => Math.floor((size * part) / (upTo(2, 40).length + 1)))
      for (const unreadableAt of file === 'journal' ? places : [0, 8_192]) {
        const bad = new Examiner({ faults: { file, unreadableAt } })
        const result = await examineCopy(bad, files)
        bad.close()
        expect(result).toMatchObject({ faultsMet: expect.toSatisfy((count) => count > 0) })
        const fault = judgeCrash(result, { events, at: end })
        if (fault !== undefined && !isRefused(result)) faults.push(fault)
        faults.push(...faultIn(judgeCrash(await examineCopy(examiner, files), { events, at: end })))
      }
      expect(tally.add(`an unreadable place of ${file}`, { tried: places.length, faults })).toEqual(
        [],
      )
    },
  )

  it('refuses clearly if the data file cannot be read, and harms nothing', async () => {
    const { files, events } = killedFolder()
    const reads = startFailing(files, 0).reads
    // The last two reads are LMDB's own; all before are ours.
    expect(reads).toBeGreaterThan(8)
    const faults: string[] = []
    const unneeded: number[] = []
    const numbers = scale > 1 ? upTo(0, reads) : [1, Math.floor(reads / 2), reads - 2]
    for (const number of numbers) {
      const isOurs = number <= reads - 2
      const whose = isOurs ? 'our' : "LMDB's own"
      const told = startFailing(files, number)
      faults.push(...faultIn(told.died && `${whose} read: ${told.died}`))
      const isRefused = told.events.some(({ kind }) => kind === 'failed')
      if (isOurs && !isRefused) unneeded.push(number)
      for (const each of told.events) {
        const isClear = each.kind !== 'failed' || each.sentence.startsWith('EngineError: ')
        if (!isClear) faults.push(each.sentence)
      }
      faults.push(...(await judged(told.folder, events, 'afterwards: ')))
    }
    // One read only compares the state before the newest one.
    expect(unneeded.length).toBeLessThanOrEqual(1)
    expect(tally.add('a read of data.mdb fails', { tried: numbers.length, faults })).toEqual([])
  })

  it('all that is known to fail still fails', () => {
    expect(tally.unseen).toEqual([])
  })

  async function judged(
    folder: string,
    events: readonly TimedEvent[],
    before: string,
  ): Promise<string[]> {
    const result = await examiner.examine({ folder, keys: [], steps: ['commit', 'again'] })
    return faultIn(judgeCrash(result, { events, at: end })).map((fault) => before + fault)
  }
})

/**
 * A write to the journal fails, the process is killed, the next one is told that all is well. The
 * commits have many pages: the next commit writes the last page of the failed one again.
 */
function recordRestart(
  started: Files,
  failedWrite: number,
): { recording: Recording; from: number } {
  const faults = { ...journalFault, failedWrite }
  const place = createDiskFolder()
  const long = { ...load, isHeavy: true }
  const first = record({ place, files: started, seed: 1, ...long, end: 'kill', faults })
  const files = readFolder(join(place, 'lmdb'))
  const again = { ...long, session: 2, end: 'kill', files } as const
  const second = record({ place: createDiskFolder(), seed: 1, ...again })
  return { recording: joined(first, second), from: first.end }
}

/** A start for which one read of `data.mdb` fails; 0: none. `reads`: how many there were. */
function startFailing(files: Files, number: number): ReturnType<typeof write> & { reads: number } {
  const place = createDiskFolder()
  const path = join(place, 'lmdb', 'data.mdb')
  const log = join(place, 'log')
  const inject = number > 0 ? ['-e', `inject=pread64:error=EIO:when=${number}`] : []
  const under = straceWords(['-P', path, '-e', 'trace=pread64', ...inject, '-o', log])
  const told = write({ place, seed: 1, ...load, session: 2, commits: 0, files, under })
  const reads = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes('pread64('))
  return { ...told, reads: reads.length }
}

function killedFolder(): { files: Files; events: TimedEvent[] } {
  const { folder, events } = write({ place: createDiskFolder(), seed: 9, ...load, end: 'kill' })
  return { files: readFolder(folder), events: events.map(afterwards) }
}

function examineCopy(examiner: Examiner, files: Files): Promise<Examination | Ending> {
  const folder = join(createTestFolder(), 'lmdb')
  writeFolder(folder, files)
  return examiner.examine({ folder, keys: [], steps: ['commit', 'again'] })
}

function isRefused(result: Examination | Ending): boolean {
  return 'first' in result && result.first.refusal?.startsWith('EngineError: ') === true
}

function afterwards(event: WriterEvent): TimedEvent {
  return { at: 0, event }
}

function faultIn(fault: Fault): string[] {
  return fault === undefined ? [] : [fault]
}

/** Numbers from 1 on: fewer in a short run. */
function upTo(short: number, long: number): number[] {
  return Array.from({ length: scale > 1 ? long : short }, (_, index) => index + 1)
}
