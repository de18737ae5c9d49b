import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import type { Bench, Outcome, Row } from '../measurement/row.ts'
import { createStore } from '../servers/requests.ts'
import { ServerProcess, token } from '../servers/server-process.ts'

const watcherCounts = [1, 100, 1_000] as const
/** A server takes 10,000 connections in all. */
const idleCount = 9_900
/** One user may have fewer watchers than all. */
const idlePerUser = 2_500
/** Watchers that connect at the same time. */
const openedAtOnce = 200
const writes = 200
const quickWrites = 20
/** Longer than a text that is waited for. */
const keptLength = 40

/**
 * From the beginning of a write until each watcher of the store has its event, and the memory of
 * watchers of a store in which nothing happens.
 */
export const watchingRows: readonly Row[] = [
  { name: 'watch', run: runWatch },
  { name: 'watch-idle', run: runIdle },
]

async function runWatch(bench: Bench): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const count of watcherCounts) {
    await using place = await Place.open(bench)
    const watchers = await place.watch(count)
    const times: number[] = []
    for (let write = 0; write < (bench.isQuick ? quickWrites : writes); write += 1) {
      const begun = performance.now()
      const seen = watchers.map((watcher) => watcher.sees(`"n":${write}}`))
      await place.put(write)
      for (const at of await Promise.all(seen)) times.push(at - begun)
    }
    times.sort((one, other) => one - other)
    const what = `from a write to the event of each of ${count} watchers`
    const at = (part: number): number => times[Math.floor(times.length * part)] ?? Number.NaN
    outcomes.push(
      { name: `watch-${count}`, what: `${what}, median`, value: at(0.5), unit: 'ms' },
      { name: `watch-${count}-p99`, what: `${what}, 99th percentile`, value: at(0.99), unit: 'ms' },
    )
  }
  return outcomes
}

async function runIdle(bench: Bench): Promise<readonly Outcome[]> {
  await using place = await Place.open(bench)
  const count = bench.isQuick ? idleCount / 10 : idleCount
  const before = place.server.memory().anonymous
  const tokens = await place.createUsers(Math.ceil(count / idlePerUser))
  let left = count
  for (const own of tokens) left -= (await place.watch(Math.min(idlePerUser, left), own)).length
  const cpuBefore = place.server.cpuMs()
  await new Promise((resolve) => setTimeout(resolve, bench.roundMs))
  const cpuPart = (place.server.cpuMs() - cpuBefore) / bench.roundMs
  const value = place.server.memory().anonymous - before
  const what = `own memory of ${count} idle watchers; CPU ${(cpuPart * 100).toFixed(0)} %`
  return [{ name: 'watch-idle', what, value, unit: 'MB' }]
}

/** A server with a store to watch. */
class Place implements AsyncDisposable {
  readonly server: ServerProcess
  readonly #storeId: string
  readonly #watchers: Watching[] = []

  private constructor(server: ServerProcess, storeId: string) {
    this.server = server
    this.#storeId = storeId
  }

  static async open({ program, nodeFlags, createFolder }: Bench): Promise<Place> {
    const options = { program, engine: 'lmdb', data: createFolder(), nodeFlags } as const
    const server = await ServerProcess.startCoatcheck(options)
    const place = new Place(server, await createStore(server.port, 'watched'))
    await place.#send('PATCH', '', { generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    return place
  }

  async watch(count: number, own: string = token): Promise<readonly Watching[]> {
    const path = `/v2/key-value-stores/${this.#storeId}/changes`
    const opened: Watching[] = []
    while (opened.length < count) {
      const some = Math.min(openedAtOnce, count - opened.length)
      const opening = Array.from({ length: some }, () => Watching.open(this.server.port, path, own))
      opened.push(...(await Promise.all(opening)))
    }
    this.#watchers.push(...opened)
    return opened
  }

  async put(number: number): Promise<void> {
    await this.#send('PUT', '/records/KEY', { n: number })
  }

  /** Users, by their tokens. */
  async createUsers(count: number): Promise<readonly string[]> {
    const tokens: string[] = []
    for (let user = 0; user < count; user += 1) {
      const url = `http://127.0.0.1:${this.server.port}/coatcheck/v1/users`
      const reply = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ username: `watcher-${user}` }),
      })
      const { data }: { data: { token: { token: string } } } = JSON.parse(await reply.text())
      tokens.push(data.token.token)
    }
    return tokens
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watcher of this.#watchers) watcher.close()
    await this.server.stop()
  }

  async #send(method: string, rest: string, body: object): Promise<void> {
    const url = `http://127.0.0.1:${this.server.port}/v2/key-value-stores/${this.#storeId}${rest}`
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const reply = await fetch(url, { method, headers, body: JSON.stringify(body) })
    if (!reply.ok) throw new Error(`${method} ${url}: ${reply.status}`)
    await reply.arrayBuffer()
  }
}

/** One stream of events over a plain socket, which costs this process little. */
class Watching {
  readonly #socket: Socket
  #wanted: { text: string; resolve: (at: number) => void } | undefined
  /** The end of what came before: a text may come in two parts. */
  #before = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    socket.on('data', (text) => {
      const both = this.#before + String(text)
      this.#before = both.slice(-keptLength)
      if (!this.#wanted || !both.includes(this.#wanted.text)) return
      this.#wanted.resolve(performance.now())
      this.#wanted = undefined
    })
  }

  static async open(port: number, path: string, own: string): Promise<Watching> {
    const socket = createConnection({ port, host: '127.0.0.1' })
    const watching = new Watching(socket)
    await once(socket, 'connect')
    const ready = watching.sees('event: ready')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${own}\r\n\r\n`)
    await ready
    return watching
  }

  /** When a text came, which does not end with the one before. */
  sees(text: string): Promise<number> {
    return new Promise((resolve) => {
      this.#wanted = { text, resolve }
    })
  }

  close(): void {
    this.#socket.destroy()
  }
}
