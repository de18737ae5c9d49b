import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { createDatabaseEnv } from './support/postgres/test-database.ts'
import { type Finished, runCoatcheck, runInProcess } from './support/processes/command.ts'
import { type OwnServer, startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'
import { SetClock } from './support/simulation/set-clock.ts'

// Some servers and commands are processes of their own.
vi.setConfig({ testTimeout: 120_000 })

const day = 86_400_000

/** An installation with an unnamed store, which is kept for seven days without use. */
class Watched {
  readonly data = createTestFolder()
  readonly #clock = new SetClock()
  readonly #env: Readonly<Record<string, string>>
  #offMs = 0
  #server: ServerProcess | OwnServer | undefined
  #client: Client | undefined
  #token = ''

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#env = env
  }

  /** Starts a server in this process. */
  start(...args: readonly string[]): Promise<void> {
    const { data } = this
    const now = (): number => Date.now() + this.#offMs
    return this.#use(startOwnServer({ data, env: this.#env, args, now }))
  }

  /** Starts a server in a process of its own. */
  startProcess(): Promise<void> {
    return this.#use(ServerProcess.start({ data: this.data, env: this.#ownEnv }))
  }

  async #use(starting: Promise<ServerProcess | OwnServer>): Promise<void> {
    this.#server = await starting
    this.#token ||= this.#server.token
    this.#client = new Client({ url: this.#server.url, token: this.#token })
    const client = this.#client
    onTestFinished(() => client.close())
  }

  /** Sets the clock of all that runs so many ms ahead of the true time, or behind it. */
  setClock(ms: number): void {
    this.#offMs = ms
    this.#clock.set(ms)
  }

  async stop(): Promise<void> {
    this.#client?.close()
    expect((await this.#server?.stop()) ?? 0).toBe(0)
    this.#server = undefined
  }

  get log(): string {
    return this.#server?.stderr ?? ''
  }

  async logs(text: RegExp): Promise<void> {
    while (!text.test(this.log)) await sleep(20)
  }

  async createStore(): Promise<string> {
    const { body } = await this.#send('POST', '/v2/key-value-stores')
    const { id } = JSON.parse(body.toString()).data
    await this.#send('PUT', `/v2/key-value-stores/${id}/records/K`, 'kept')
    return id
  }

  /** Does not count as a use: that would start the store's time again. */
  async statusOf(id: string): Promise<number> {
    return (await this.#send('GET', `/v2/key-value-stores/${id}/keys`)).status
  }

  async health(): Promise<{ status: string; notes: string[] }> {
    return JSON.parse((await this.#send('GET', '/health')).body.toString())
  }

  /** Asks the server or, where none runs, a process whose clock goes wrong too. */
  command(...words: readonly string[]): Promise<Finished> {
    const args = [...words, '--data', this.data]
    return this.#server
      ? runInProcess({ args, env: this.#env })
      : runCoatcheck({ args, env: this.#ownEnv })
  }

  get #ownEnv(): Readonly<Record<string, string>> {
    return { ...this.#clock.env, ...this.#env }
  }

  #send(method: string, path: string, body?: string) {
    if (!this.#client) throw new Error('No server runs.')
    return this.#client.send({ method, path, ...(body !== undefined && { body }) })
  }
}

describe('a server whose clock goes wrong', () => {
  it('keeps its stores, says so in log, health and status, and goes on when it is back', async () => {
    const watched = new Watched()
    await watched.startProcess()
    const id = await watched.createStore()
    watched.setClock(8 * day)
    await watched.logs(/The clock is 8 days ahead of the time that Coatcheck expects/)
    expect(await watched.statusOf(id)).toBe(200)
    const health = await watched.health()
    expect(health).toMatchObject({ status: 'degraded' })
    expect(health.notes.join()).toMatch(/no store expires until .*coatcheck clock confirm/)
    const status = await watched.command('status')
    expect(status.stdout).toMatch(/status\tdegraded/)
    expect(status.stdout).toMatch(/days ahead/)
    expect((await watched.command('clock', 'show')).stdout).toMatch(/expiry\theld/)
    watched.setClock(0)
    await watched.logs(/The clock is right again/)
    expect(await watched.statusOf(id)).toBe(200)
    // What was asked a moment ago is answered again.
    await expect.poll(async () => (await watched.health()).status).toBe('ok')
  })

  it.each([8 * day, -8 * day])('keeps its stores if it starts %i ms off', async (off) => {
    const watched = new Watched()
    await watched.start()
    const before = await watched.createStore()
    await watched.stop()
    watched.setClock(off)
    await watched.start()
    expect(watched.log).toMatch(off > 0 ? /days ahead of the time/ : /days behind the time/)
    const during = await watched.createStore()
    expect(await watched.statusOf(before)).toBe(200)
    watched.setClock(0)
    await watched.logs(/The clock is right again/)
    for (const id of [before, during]) expect(await watched.statusOf(id)).toBe(200)
    await watched.stop()
    await watched.start()
    expect(watched.log).not.toMatch(/clock/)
    for (const id of [before, during]) expect(await watched.statusOf(id)).toBe(200)
  })

  it.each(['a running server', 'a folder that nobody serves'])(
    'goes on by the new time once it is confirmed, with %s',
    async (place) => {
      const watched = new Watched()
      await watched.start()
      const id = await watched.createStore()
      watched.setClock(8 * day)
      await watched.logs(/days ahead/)
      if (place !== 'a running server') await watched.stop()
      const { code, stdout } = await watched.command('clock', 'confirm')
      expect({ code, stdout }).toMatchObject({ code: 0 })
      expect(stdout).toMatch(/expiry\tas usual/)
      if (place !== 'a running server') await watched.start()
      expect((await watched.health()).status).toBe('ok')
      // It gets its full time from then on.
      expect(await watched.statusOf(id)).toBe(200)
      expect((await watched.command('audit')).stdout).toMatch(/clock-confirmed/)
    },
  )

  it('logs and audits what expires', async () => {
    const watched = new Watched()
    await watched.start('--unnamed-retention-days', '0.00001')
    const id = await watched.createStore()
    await watched.stop()
    await watched.start('--unnamed-retention-days', '0.00001')
    await watched.logs(new RegExp(`1 store expired: ${id} of user \\w+ \\(deleted\\)`))
    expect((await watched.command('audit')).stdout).toMatch(new RegExp(`store-expired\\t${id}`))
  })
})

describe('a server on PostgreSQL', () => {
  it("goes by the database's clock, whatever its own clock does", async () => {
    const watched = new Watched(await createDatabaseEnv())
    await watched.start()
    const id = await watched.createStore()
    watched.setClock(8 * day)
    expect(await watched.statusOf(id)).toBe(200)
    await watched.stop()
    await watched.start()
    expect(await watched.statusOf(id)).toBe(200)
    expect((await watched.command('clock', 'show')).stdout).toMatch(/expiry\tas usual/)
  })
})
