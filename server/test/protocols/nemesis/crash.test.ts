import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createTestFolder } from '../../support/data/test-folder.ts'
import { Random } from '../../support/load/random.ts'
import { openSocket } from '../../support/network/nemesis-session.ts'
import type { SocketClient } from '../../support/network/socket-client.ts'
import { checkFolder } from '../../support/processes/command.ts'
import { ServerProcess } from '../../support/processes/server-process.ts'

const kills = Number(process.env.COATCHECK_NEMESIS_KILLS ?? 4)
const seed = Number(process.env.COATCHECK_CRASH_SEED ?? Date.now() % 1_000_000)
const writers = 4
const inFlight = 16

it(`keeps every acknowledged write of NemesisDB's clients whole through ${kills} kills`, async () => {
  process.stdout.write(`COATCHECK_CRASH_SEED=${seed} repeats the times of these kills\n`)
  const random = new Random(seed)
  const data = createTestFolder()
  const all: Writer[] = []
  let acknowledged = 0
  for (let kill = 0; kill <= kills; kill += 1) {
    const { server, clients } = await start(data)
    if (kill === 0) for (const client of clients) all.push(await Writer.create(client))
    for (const writer of all) expect(await writer.problem(firstOf(clients))).toBeUndefined()
    if (kill === kills) {
      expect(await server.stop()).toBe(0)
      break
    }
    const work = all.map((writer, index) => writer.write(clients[index] ?? firstOf(clients)))
    await sleep(random.between(50, 500))
    await server.kill()
    const counts = await Promise.all(work)
    acknowledged += counts.reduce((sum, count) => sum + count, 0)
    const { code, stdout, stderr } = await checkFolder(data)
    expect(code, stdout + stderr).toBe(0)
  }
  expect(acknowledged).toBeGreaterThan(kills * writers)
}, 60_000)

async function start(data: string) {
  const server = await ServerProcess.start({ data, args: ['--nemesis-port', '0'] })
  const url = /^The NemesisDB door is at (ws:\S+)$/m.exec(server.stdout)?.[1] ?? ''
  const clients = await Promise.all(Array.from({ length: writers }, () => openSocket(url)))
  return { server, clients }
}

function firstOf(clients: readonly SocketClient[]): SocketClient {
  const [first] = clients
  if (!first) throw new Error('There must be a client.')
  return first
}

/** Writes growing numbers, each under two keys at once, into its own session. */
class Writer {
  readonly #token: number
  #sent = 0
  readonly #acknowledged: number[] = []

  private constructor(token: number) {
    this.#token = token
  }

  static async create(client: SocketClient): Promise<Writer> {
    const { tkn } = await client.command('SH_NEW', { name: 'crash' })
    return new Writer(Number(tkn))
  }

  /** Writes until the connection ends. Resolves with the number of acknowledged writes. */
  async write(client: SocketClient): Promise<number> {
    const before = this.#acknowledged.length
    const sendNext = (): void => {
      this.#sent += 1
      const value = { n: this.#sent, text: 'x'.repeat(this.#sent % 3 === 0 ? 5_000 : 10) }
      const keys = { one: value, two: value, [`k${this.#sent}`]: this.#sent }
      client.send(JSON.stringify({ KV_SET: { tkn: this.#token, keys } }))
    }
    for (let count = 0; count < inFlight; count += 1) sendNext()
    try {
      let expected = this.#sent - inFlight
      for (;;) {
        const answer = JSON.parse(await client.receive())
        expected += 1
        if (answer.KV_SET_RSP.keys?.[`k${expected}`] !== 20) throw new Error(JSON.stringify(answer))
        this.#acknowledged.push(expected)
        sendNext()
      }
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'The connection ended.') throw error
      return this.#acknowledged.length - before
    }
  }

  /** The problem if values differ from the acknowledged ones, or were never sent. */
  async problem(client: SocketClient): Promise<string | undefined> {
    const ask = (keys: readonly string[]) =>
      client.command('KV_GET', { tkn: this.#token, keys: [...keys] })
    const found = Object((await ask(['one', 'two'])).keys)
    if (found.one?.n !== found.two?.n) return `torn: ${found.one?.n} and ${found.two?.n}`
    const newest = found.one?.n ?? 0
    const least = this.#acknowledged.at(-1) ?? 0
    if (newest < least) return `lost: ${newest} of ${least}`
    if (newest > this.#sent) return `invented: ${newest} of ${this.#sent}`
    for (let from = 0; from < this.#acknowledged.length; from += 1_000) {
      const numbers = this.#acknowledged.slice(from, from + 1_000)
      const values = Object((await ask(numbers.map((number) => `k${number}`))).keys)
      const lost = numbers.find((number) => values[`k${number}`] !== number)
      if (lost !== undefined) return `lost: k${lost}`
    }
    return undefined
  }
}
