import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { owner } from '../src/core/testing/callers.ts'
import { bytesRecord } from '../src/core/testing/records.ts'
import { openTestDomain } from '../src/core/testing/test-domain.ts'
import { check } from '../src/core/upkeep/check.ts'
import { LmdbEngine } from '../src/engines/lmdb/lmdb.ts'
import { dataFileOf } from './support/data/data-file.ts'
import { createDiskFolder, createTestFolder } from './support/data/test-folder.ts'
import { Client, unexpected } from './support/network/client.ts'
import { checkFolder } from './support/processes/command.ts'
import { ServerProcess } from './support/processes/server-process.ts'

const megabyte = 1_048_576

/** Garbage, LMDB's free pages, and values that are on their way. */
const shortFileBytesMax = 160 * megabyte
const shortRounds = 200
const writersAtOnce = 32

it('overwriting values of 3 and 60 KB thousands of times makes no large file', async () => {
  const folder = createTestFolder()
  const engine = new LmdbEngine(folder)
  const { stores } = await openTestDomain(engine)
  const store = await stores.create({ ownerId: owner, name: 'coats' })
  const overwrite = async (key: number): Promise<void> => {
    for (let round = 0; round < shortRounds; round += 1) {
      const size = (key + round) % 2 === 0 ? 3_000 : 60_000
      await store.put(bytesRecord(`key ${key}`, Buffer.alloc(size, round)))
    }
  }
  await Promise.all(Array.from({ length: writersAtOnce }, (_, key) => overwrite(key)))
  expect(statSync(join(folder, 'data.mdb')).size).toBeLessThan(shortFileBytesMax)
  expect((await check(engine)).problems).toEqual([])
  await engine.close()
}, 120_000)

/** Long by `npm run test:long`. */
const minutes = Number(process.env.COATCHECK_OVERWRITE_MINUTES ?? 1 / 20)
const lookMs = 500
const fileSlackBytes = 256 * megabyte
/** How many clients overwrite values of each size, and how many values each of them. */
const kinds = [
  { size: 3_000_000, clients: 2, keys: 2 },
  { size: 4_000, clients: 16, keys: 25 },
] as const
const liveBytes = kinds.reduce((sum, { size, clients, keys }) => sum + size * clients * keys, 0)

it(
  `the data file stays small while values are overwritten for ${Math.round(minutes * 60)} seconds`,
  async () => {
    const data = createDiskFolder()
    const server = await ServerProcess.start({ data })
    const load = new Overwriting(server)
    await load.begin()
    const end = performance.now() + minutes * 60_000
    let most = 0
    while (performance.now() < end && load.problems.length === 0) {
      most = Math.max(most, statSync(dataFileOf(data)).size)
      await sleep(lookMs)
    }
    await load.end()
    process.stdout.write(
      `overwrites: ${load.writes} writes, ${Math.round(load.bytes / megabyte)} MB; ` +
        `the file had at most ${Math.round(most / megabyte)} MB ` +
        `for ${Math.round(liveBytes / megabyte)} MB of values\n`,
    )
    expect(load.problems).toEqual([])
    expect(most).toBeLessThan(3 * liveBytes + fileSlackBytes)
    expect(await server.stop()).toBe(0)
    expect(await checkFolder(data)).toMatchObject({ code: 0 })
  },
  minutes * 60_000 + 300_000,
)

/** Clients that overwrite values without a pause. */
class Overwriting {
  readonly problems: unknown[] = []
  writes = 0
  bytes = 0
  readonly #target: { url: string; token: string }
  readonly #clients: Client[] = []
  #running: Promise<void>[] = []
  #isOver = false

  constructor(target: { url: string; token: string }) {
    this.#target = target
  }

  async begin(): Promise<void> {
    await this.#newClient().openStore('overwritten')
    for (const { size, clients, keys } of kinds) {
      for (let client = 0; client < clients; client += 1) {
        const names = Array.from({ length: keys }, (_, key) => `${size}-${client}-${key}`)
        const work = this.#overwrite(names, size)
        this.#running.push(work.catch((error: unknown) => void this.problems.push(error)))
      }
    }
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#running)
    for (const client of this.#clients) client.close()
  }

  async #overwrite(names: readonly string[], size: number): Promise<void> {
    const store = await this.#newClient().openStore('overwritten')
    for (let round = 0; !this.#isOver; round += 1) {
      const reply = await store.put(names[round % names.length] ?? '', Buffer.alloc(size, round))
      if (reply.status !== 201) throw unexpected('A write', reply)
      this.writes += 1
      this.bytes += size
    }
  }

  #newClient(): Client {
    const client = new Client(this.#target)
    this.#clients.push(client)
    return client
  }
}
