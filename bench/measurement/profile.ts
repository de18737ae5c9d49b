import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** The part of a `.cpuprofile` that is read (Chrome DevTools protocol, `Profiler.Profile`). */
interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
}

const functionsShown = 30

/** Where the JavaScript threads' time went, by place and by function, idle time left out. */
export function printProfile(folder: string): void {
  if (!existsSync(folder)) return
  for (const file of readdirSync(folder)) {
    const profile: CpuProfile = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    const times = selfTimes(profile)
    print('by place', sumBy(times, placeOf))
    print(
      'by function',
      sumBy(
        times,
        ({ callFrame }) => `${callFrame.functionName || '(anonymous)'} ${fileOf(callFrame.url)}`,
      ),
    )
  }
}

function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): [ProfileNode, number][] {
  const times = new Map<number, number>()
  samples.forEach((id, index) => {
    times.set(id, (times.get(id) ?? 0) + (timeDeltas[index] ?? 0))
  })
  const busy = nodes.filter(({ callFrame }) => callFrame.functionName !== '(idle)')
  return busy.map((node) => [node, times.get(node.id) ?? 0])
}

function sumBy(
  times: readonly [ProfileNode, number][],
  nameOf: (node: ProfileNode) => string,
): Map<string, number> {
  const sums = new Map<string, number>()
  for (const [node, time] of times) {
    const name = nameOf(node)
    sums.set(name, (sums.get(name) ?? 0) + time)
  }
  return sums
}

function placeOf({ callFrame: { functionName, url } }: ProfileNode): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  return fileOf(url)
}

function fileOf(url: string): string {
  if (url.startsWith('node:')) return url
  if (url.includes('/node_modules/lmdb/')) return `lmdb/${basename(url)}`
  return url.split('/').slice(-2).join('/')
}

function print(title: string, sums: ReadonlyMap<string, number>): void {
  const total = [...sums.values()].reduce((sum, time) => sum + time, 0)
  const sorted = [...sums].sort((one, other) => other[1] - one[1]).slice(0, functionsShown)
  process.stdout.write(`\nSelf time ${title}\n`)
  for (const [name, time] of sorted) {
    process.stdout.write(`${((time / total) * 100).toFixed(1).padStart(6)} %  ${name}\n`)
  }
}
