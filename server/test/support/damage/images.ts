import { join } from 'node:path'
import { filesAfter, momentsOf, type PowerLoss, survivals } from '../disk/power-loss.ts'
import { type Files, type Recording, writeFolder } from '../disk/recording.ts'
import { Random } from '../load/random.ts'
import type { Examiner } from './examiner.ts'
import { type Fault, judgeCrash } from './judge.ts'

/** A loss of power after which the engine did not keep its promise. */
export interface Finding {
  readonly loss: PowerLoss
  /** The number of the loss in its series: the same seed draws the same one. */
  readonly index: number
  readonly fault: string
}

export interface Image {
  readonly loss: PowerLoss
  readonly files: Files
}

export interface ImageSeries {
  readonly recording: Recording
  readonly count: number
  readonly seed: number
  readonly examiner: Examiner
  /** A folder for images. */
  readonly place: string
  /** Losses happen at this moment or later. */
  readonly from?: number
  /** Losses happen before this moment. */
  readonly until?: number
}

/** Draws losses of power, and opens what each one leaves. */
export async function tryLosses(series: ImageSeries): Promise<Finding[]> {
  const findings: Finding[] = []
  const draw = lossesOf(series)
  for (let index = 0; index < series.count; index += 1) {
    const { loss, files } = draw(index)
    const fault = await openImage(series, files, loss.at)
    if (fault !== undefined) findings.push({ loss, index, fault })
  }
  return findings
}

/** Draws the loss of a number, with the files after it. */
export function lossesOf({
  recording,
  seed,
  from = 0,
  until = recording.end + 1,
}: Pick<ImageSeries, 'recording' | 'seed' | 'from' | 'until'>): (index: number) => Image {
  const moments = momentsOf(recording).filter((at) => at >= from && at < until)
  return (index) => {
    const random = new Random(seed * 100_003 + index)
    const loss = { at: random.pick(moments), survival: random.pick(survivals) }
    return { loss, files: filesAfter(recording, loss, random) }
  }
}

async function openImage(
  { recording, examiner, place }: ImageSeries,
  files: Files,
  at: number,
): Promise<Fault> {
  const folder = join(place, 'image', 'lmdb')
  writeFolder(folder, files)
  const result = await examiner.examine({ folder, keys: [], steps: ['commit', 'again'] })
  return judgeCrash(result, { events: recording.events, at })
}
