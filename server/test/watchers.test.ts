import { describe, expect, it, onTestFinished } from 'vitest'
import { useSeveralServers } from './support/data/several-servers.ts'
import { sharedEngines } from './support/data/shared-data.ts'
import { Remote } from './support/network/remote.ts'
import { startTestServer, type TestServer } from './support/network/test-server.ts'
import { ChangeStream, type StreamEvent } from './support/watching/change-stream.ts'

/** How much is written; more by `npm run test:long`. */
const writes = Number(process.env.COATCHECK_WATCHED_WRITES ?? 800)
const keys = 200
const writesAtOnce = 40
const reconnections = 5

/** What a client has seen that watches a store and connects again now and then. */
class Copy {
  readonly values = new Map<string, unknown>()
  readonly #urlOf: (connection: number) => string
  readonly #token: string
  #stream: ChangeStream | undefined
  #connections = 0
  #latest = 0
  #isToReconnect = false

  constructor(urlOf: (connection: number) => string, token: string) {
    this.#urlOf = urlOf
    this.#token = token
  }

  async connect(): Promise<void> {
    const lastId = this.#stream?.lastId
    this.#stream?.close()
    const url = this.#urlOf(this.#connections)
    this.#connections += 1
    this.#stream = await ChangeStream.open(url, { token: this.#token, lastId })
    const ready = await this.#stream.next()
    if (lastId !== undefined) expect(ready?.id).toBe(lastId)
  }

  /** Reads until a key has this value. */
  async until(key: string, value: unknown): Promise<void> {
    while (this.values.get(key) !== value) {
      if (this.#isToReconnect) await this.connect()
      this.#isToReconnect = false
      this.#note(await this.#stream?.next())
    }
    this.#stream?.close()
  }

  /** The connection breaks before the next event. */
  breakOff(): void {
    this.#isToReconnect = true
  }

  #note(event: StreamEvent | undefined): void {
    expect(event?.event).toBe('change')
    const { revision, key, value } = event?.data ?? {}
    expect(revision).toBeGreaterThanOrEqual(this.#latest)
    this.#latest = revision
    this.values.set(key, value)
  }
}

/** The path of a new store. */
async function openStore(url: string, token: string): Promise<string> {
  const { data } = await new Remote(url).do('/v2/key-value-stores', { method: 'POST', token })
  return `/v2/key-value-stores/${data.id}`
}

/** Writes through all servers, while one client watches through all of them. */
async function watchWrites(servers: readonly TestServer[], token: string): Promise<void> {
  const urlOf = (index: number): string => servers[index % servers.length]?.url ?? ''
  const path = await openStore(urlOf(0), token)
  const remotes = servers.map(({ url }) => new Remote(url))
  const put = async (key: string, number: number): Promise<void> => {
    const asked = { method: 'PUT', token, json: number }
    const reply = await remotes[number % remotes.length]?.send(`${path}/records/${key}`, asked)
    expect(reply?.status).toBe(201)
  }
  const copy = new Copy((connection) => `${urlOf(connection)}${path}/changes`, token)
  await copy.connect()
  const copying = copy.until('end', 0)
  const last = new Map<string, unknown>()
  for (let start = 0; start < writes; start += writesAtOnce) {
    if (start % (writes / (reconnections + 1)) < writesAtOnce) copy.breakOff()
    const numbers = Array.from({ length: writesAtOnce }, (_, at) => start + at)
    await Promise.all(numbers.map((number) => put(`k${number % keys}`, number)))
    for (const number of numbers) last.set(`k${number % keys}`, number)
  }
  await put('end', 0)
  last.set('end', 0)
  await copying
  expect(copy.values).toEqual(last)
}

describe.each(['memory', 'lmdb'] as const)('a watcher of one server, on %s', (engine) => {
  it('sees the last value of each key, and never goes back', async () => {
    const server = await startTestServer({ engine })
    onTestFinished(() => server.close())
    await watchWrites([server], server.token)
  })
})

describe.each(sharedEngines)('a watcher of two servers, on %s', (engine) => {
  const servers = useSeveralServers(engine)

  it('sees the last value of each key, whichever server wrote it, and never goes back', async () => {
    await watchWrites(servers().all, servers().token)
  })

  it('begins now, also on a server that has heard nothing of the other one for long', async () => {
    const { token, all } = servers()
    const [one, other] = all
    const path = await openStore(one?.url ?? '', token)
    const put = (key: string) =>
      new Remote(one?.url ?? '').do(`${path}/records/${key}`, { method: 'PUT', token, json: 1 })
    for (const key of ['a', 'b', 'c']) await put(key)
    const stream = await ChangeStream.open(`${other?.url}${path}/changes`, { token })
    await stream.next()
    await put('after')
    expect((await stream.next())?.data.key).toBe('after')
    stream.close()
  })
})
