import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { dataFileOf } from './support/data/data-file.ts'
import { createDiskFolder } from './support/data/test-folder.ts'
import { SoakLoad } from './support/load/soak-load.ts'
import { checkFolder } from './support/processes/command.ts'
import { PeakUsage, usageOf } from './support/processes/resource-usage.ts'
import { ServerProcess } from './support/processes/server-process.ts'

/** Long by `npm run test:long`. */
const minutes = Number(process.env.COATCHECK_SOAK_MINUTES ?? 1 / 15)
const seed = Number(process.env.COATCHECK_SOAK_SEED ?? Date.now() % 1_000_000)
const connections = 24
const lookMs = 1_000
const endMsMax = 300_000

/** The most bytes of replaced values that the server keeps for running downloads. */
const keptBytesMax = 1_073_741_824
/** An upper bound for the live values, which are far smaller. */
const liveBytesMax = 256 * 1_048_576
/** Allows for pages of the map, for the change log, and for writes between two sweeps. */
const fileSlack = 1.6
const ownBytesMax = 512 * 1_048_576
/** LMDB maps the file again as it grows, and the kernel counts the pages of each map. */
const mapsMax = 3

it(
  `stays correct and within its limits for ${Math.round(minutes * 60)} seconds of mixed load`,
  async () => {
    const data = createDiskFolder()
    const server = await ServerProcess.start({ data })
    const idle = usageOf(server.pid)
    const load = new SoakLoad(server, { connections })
    const peak = await runFor(load, new PeakUsage({ pid: server.pid, file: dataFileOf(data) }))
    await load.verifyAll()
    report(load, peak)
    expect(load.problems).toEqual([])
    expect(peak.own).toBeLessThan(ownBytesMax)
    expect(peak.resident).toBeLessThan(ownBytesMax + mapsMax * peak.fileBytes)
    const keptBytes = Math.min(load.bytesWritten, keptBytesMax)
    expect(peak.fileBytes).toBeLessThan((keptBytes + liveBytesMax) * fileSlack)
    load.close()
    await untilClosed(server, idle.openFiles)
    expect(await server.stop()).toBe(0)
    expect(await checkFolder(data)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching('sound'),
    })
  },
  minutes * 60_000 + endMsMax,
)

async function runFor(load: SoakLoad, peak: PeakUsage): Promise<PeakUsage> {
  process.stdout.write(`soak: COATCHECK_SOAK_SEED=${seed} for ${Math.round(minutes * 60)} s\n`)
  await load.begin(seed)
  const end = performance.now() + minutes * 60_000
  while (performance.now() < end && load.problems.length === 0) {
    peak.look()
    await sleep(lookMs)
  }
  await load.end()
  peak.look()
  return peak
}

/** Waits until the connections of clients that left are closed. */
async function untilClosed(server: ServerProcess, openFiles: number): Promise<void> {
  while (usageOf(server.pid).openFiles > openFiles) await sleep(lookMs)
}

function report({ counts, bytesWritten, problems }: SoakLoad, peak: PeakUsage): void {
  const done = Object.entries(counts).map(([name, count]) => `${count} ${name}`)
  process.stdout.write(
    `soak: ${done.join(', ')}; ${megabytes(bytesWritten)} written, ${problems.length} problems; ` +
      `at most ${megabytes(peak.resident)} resident (${megabytes(peak.own)} its own), ` +
      `file ${megabytes(peak.fileBytes)}\n`,
  )
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`
}
