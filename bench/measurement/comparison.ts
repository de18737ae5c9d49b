import type { LoadResult } from '../load/plan.ts'
import { median } from '../load/statistics.ts'
import type { Outcome, Side } from './row.ts'

/** What one side did in one round. */
export interface Sample {
  readonly count: number
  readonly elapsedMs: number
  readonly cpuMs: number
}

export type Measure = () => Promise<Sample>

/** Runs a load on a server, and measures the CPU time that the server takes for it. */
export async function sampleOf(
  server: { cpuMs(): number },
  run: () => Promise<LoadResult>,
): Promise<Sample> {
  const before = server.cpuMs()
  const { requestCount: count, elapsedMs } = await run()
  return { count, elapsedMs, cpuMs: server.cpuMs() - before }
}

/**
 * Measures two sides in turn and takes the median of the rounds' ratios: other load on the machine
 * comes and goes, and so affects both sides. The first round warms up and does not count.
 */
export async function compare(
  sides: { own: Measure; reference: Measure },
  rounds: number,
): Promise<Pick<Outcome, 'value' | 'unit' | 'spread' | 'own' | 'reference'>> {
  const own: Sample[] = []
  const reference: Sample[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const [first, second] = await inTurn(sides, round)
    if (round === 0) continue
    own.push(first)
    reference.push(second)
  }
  const ratios = own.map((sample, round) => perSecond(sample) / perSecond(reference[round]))
  return {
    value: median(ratios),
    unit: 'ratio',
    spread: { low: Math.min(...ratios), high: Math.max(...ratios) },
    own: sideOf(own),
    reference: sideOf(reference),
  }
}

/**
 * Another side goes first in each round, so that a warm-up or a slow-down during a run favours
 * neither.
 */
async function inTurn(
  { own, reference }: { own: Measure; reference: Measure },
  round: number,
): Promise<[own: Sample, reference: Sample]> {
  if (round % 2 === 0) return [await own(), await reference()]
  const second = await reference()
  return [await own(), second]
}

function sideOf(samples: readonly Sample[]): Side {
  return { perSecond: median(samples.map(perSecond)), cpuUs: median(samples.map(cpuUs)) }
}

function perSecond(sample: Sample | undefined): number {
  return sample ? (sample.count / sample.elapsedMs) * 1_000 : Number.NaN
}

function cpuUs({ cpuMs, count }: Sample): number {
  return (cpuMs * 1_000) / count
}
