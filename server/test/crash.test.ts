import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createDiskFolder } from './support/data/test-folder.ts'
import { CrashLoad } from './support/load/crash-load.ts'
import { Ledger } from './support/load/ledger.ts'
import { Random } from './support/load/random.ts'
import { Client } from './support/network/client.ts'
import { checkFolder } from './support/processes/command.ts'
import { ServerProcess } from './support/processes/server-process.ts'

const cycles = Number(process.env.COATCHECK_CRASH_CYCLES ?? 5)
const seed = Number(process.env.COATCHECK_CRASH_SEED ?? Date.now() % 1_000_000)
const connections = 24
const loadMsMin = 20
const loadMsMax = 600
/** The number of older records that are checked after each kill, besides the recent ones. */
const sample = 100
/** In every fifth cycle, one more process is killed while it starts. */
const cyclesPerStartKill = 5
const startKillMsMax = 400
const cycleMsMax = 60_000

it(
  `keeps every acknowledged write whole through ${cycles} kills`,
  async () => {
    const run = new CrashRun(createDiskFolder())
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      await run.cycle(cycle)
      expect(run.problems).toEqual([])
    }
    await run.finish()
    expect(run.problems).toEqual([])
    expect(run.ledger.acknowledged).toBeGreaterThan(cycles)
  },
  cycles * cycleMsMax,
)

/** One folder that is served, killed, checked and served again. */
class CrashRun {
  readonly ledger = new Ledger()
  readonly problems: string[] = []
  readonly #data: string
  readonly #random = new Random(seed)
  readonly #kills = { underLoad: 0, whileStarting: 0 }

  constructor(data: string) {
    this.#data = data
    process.stdout.write(`crash: COATCHECK_CRASH_SEED=${seed} repeats the times of these kills\n`)
  }

  async cycle(cycle: number): Promise<void> {
    if (cycle % cyclesPerStartKill === cyclesPerStartKill - 1) await this.#killWhileStarting()
    const { server, client } = await this.#start()
    if (cycle === 0) await this.ledger.main.create(client)
    else await this.#verifyRecent(client)
    const load = new CrashLoad(client, { ledger: this.ledger, seed: cycle, connections })
    await sleep(this.#random.between(loadMsMin, loadMsMax))
    load.expectTheEnd()
    await server.kill()
    this.#kills.underLoad += 1
    this.problems.push(...(await load.end()))
    client.close()
    await this.#check()
  }

  /** Checks every write that was ever acknowledged once more, and stops the server. */
  async finish(): Promise<void> {
    const { server, client } = await this.#start()
    await this.#verifyRecent(client)
    this.problems.push(...(await this.ledger.allProblems(client)))
    client.close()
    const code = await server.stop()
    if (code !== 0) this.problems.push(`odd: SIGTERM ended the server with ${code}`)
    const { underLoad, whileStarting } = this.#kills
    process.stdout.write(
      `crash: ${underLoad} kills under load and ${whileStarting} while starting, ` +
        `${this.ledger.acknowledged} writes acknowledged, ${this.problems.length} problems\n`,
    )
  }

  async #start(): Promise<{ server: ServerProcess; client: Client }> {
    const server = await ServerProcess.start({ data: this.#data })
    return { server, client: new Client(server, { connections }) }
  }

  async #verifyRecent(client: Client): Promise<void> {
    const random = this.#random
    this.problems.push(...(await this.ledger.recentProblems(client, { random, sample })))
  }

  async #killWhileStarting(): Promise<void> {
    const server = ServerProcess.spawn({ data: this.#data })
    await sleep(this.#random.between(0, startKillMsMax))
    await server.kill()
    this.#kills.whileStarting += 1
    await this.#check()
  }

  async #check(): Promise<void> {
    const { code, stdout, stderr } = await checkFolder(this.#data)
    if (code !== 0) this.problems.push(`unsound: ${stdout}${stderr}`)
  }
}
