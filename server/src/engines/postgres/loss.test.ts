import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { CuttingProxy } from '../../../test/support/network/cutting-proxy.ts'
import { PostgresServer } from '../../../test/support/postgres/postgres.ts'
import { put, text } from '../conformance/basics.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres, type PostgresEngine, type PostgresOptions } from './postgres.ts'

const key = Buffer.from('key')
const unavailable = { failure: 'unavailable', applied: 'no' }
const unknown = { failure: 'unavailable', applied: 'unknown' }

describe('an engine that loses PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.start()
  })
  afterAll(() => server.cleanUp())

  async function open(url: string, options: PostgresOptions = {}): Promise<PostgresEngine> {
    const engine = await openPostgres(parsePostgresAddress(url), options)
    onTestFinished(() => engine.close())
    return engine
  }

  async function openThroughProxy(): Promise<{
    engine: PostgresEngine
    proxy: CuttingProxy
    url: string
  }> {
    const proxy = await CuttingProxy.start(server.port)
    onTestFinished(() => proxy.stop())
    const url = await server.createDatabase()
    const engine = await open(url.replace(`:${server.port}/`, `:${proxy.port}/`))
    return { engine, proxy, url }
  }

  it('calls a commit unknown if the answer to COMMIT is lost; it is applied', async () => {
    const { engine, proxy } = await openThroughProxy()
    proxy.cutAt = (sent) => (sent.includes('commit\0') ? 'after' : 'no')
    await expect(put(engine, [key, 'sent'])).rejects.toMatchObject(unknown)
    proxy.cutAt = () => 'no'
    while ((await engine.get([key]))[0] === undefined) await sleep(5)
    expect(text((await engine.get([key]))[0]?.value)).toBe('sent')
  })

  it('calls a commit unknown if COMMIT itself is lost; it is not applied', async () => {
    const { engine, proxy } = await openThroughProxy()
    proxy.cutAt = (sent) => (sent.includes('commit\0') ? 'before' : 'no')
    await expect(put(engine, [key, 'lost'])).rejects.toMatchObject(unknown)
    proxy.cutAt = () => 'no'
    expect(await engine.get([key])).toEqual([undefined])
  })

  it('calls a commit not applied if COMMIT was never sent', async () => {
    const { engine, proxy } = await openThroughProxy()
    proxy.cutAt = (sent) => (sent.includes('begin isolation') ? 'before' : 'no')
    await expect(put(engine, [key, 'never'])).rejects.toMatchObject(unavailable)
    proxy.cutAt = () => 'no'
    expect(await engine.get([key])).toEqual([undefined])
    await put(engine, [key, 'again'])
  })

  it('reconnects without an error if idle connections were cut', async () => {
    const url = await server.createDatabase()
    const engine = await open(url)
    await put(engine, [key, 'one'])
    await engine.get([key])
    const others = `select pg_terminate_backend(pid, 5000) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`
    await server.query(others, url)
    expect(text((await engine.get([key]))[0]?.value)).toBe('one')
    await server.query(others, url)
    await put(engine, [key, 'two'])
    expect(text((await engine.get([key]))[0]?.value)).toBe('two')
  })

  it('calls a commit unknown if the wait for standbys was cancelled', async () => {
    const lonely = await PostgresServer.start()
    onTestFinished(() => lonely.cleanUp())
    const engine = await open(await lonely.createDatabase())
    await lonely.query(`alter system set synchronous_standby_names = 'nobody'`)
    await lonely.reload()
    const commit = expect(put(engine, [key, 'one'])).rejects.toMatchObject(unknown)
    const cancel = `select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`
    while ((await lonely.query(cancel)).length === 0) await sleep(10)
    await commit
  })

  it('still reads, and fails writes in time, while it waits for standbys in vain', async () => {
    const lonely = await PostgresServer.start()
    onTestFinished(() => lonely.cleanUp())
    const engine = await open(await lonely.createDatabase(), { answerMsMax: 1_000 })
    await put(engine, [key, 'before'])
    await lonely.query(`alter system set synchronous_standby_names = 'nobody'`)
    await lonely.reload()
    await expect(put(engine, [key, 'waiting'])).rejects.toMatchObject(unknown)
    // The commit before it still holds the lock of the clock.
    await expect(put(engine, [key, 'behind it'])).rejects.toMatchObject(unavailable)
    expect(text((await engine.get([key]))[0]?.value)).toBe('before')
    expect(await engine.health()).toMatchObject({ whyNot: undefined, durability: 'degraded' })
    await lonely.query('alter system reset synchronous_standby_names')
    await lonely.reload()
    await untilServed(engine)
    expect(text((await engine.get([key]))[0]?.value)).toBe('waiting')
  })

  it('waits only shortly for a server that hangs while it holds the clock', async () => {
    const { engine, proxy, url } = await openThroughProxy()
    const other = await open(url)
    proxy.cutAt = (sent) => (sent.includes('commit\0') ? 'held' : 'no')
    const held = expect(put(engine, [key, 'held'])).rejects.toMatchObject(unknown)
    const locked = `select 1 from pg_stat_activity where state = 'idle in transaction'`
    while ((await server.query(locked)).length === 0) await sleep(5)
    await put(other, [key, 'other'])
    await held
    proxy.cutAt = () => 'no'
    expect(text((await engine.get([key]))[0]?.value)).toBe('other')
  })

  it('fails in time while PostgreSQL hangs, and serves again when it goes on', async () => {
    const url = await server.createDatabase()
    const engine = await open(url, { connectMsMax: 1_000, answerMsMax: 1_000 })
    await put(engine, [key, 'one'])
    await engine.get([key])
    server.freeze(true)
    try {
      await expect(put(engine, [key, 'two'])).rejects.toMatchObject({ failure: 'unavailable' })
      await expect(engine.get([key])).rejects.toMatchObject(unavailable)
      expect((await engine.health()).whyNot).toContain('does not serve')
    } finally {
      server.freeze(false)
    }
    await untilServed(engine)
    expect((await engine.health()).whyNot).toBeUndefined()
  })

  it('refuses while PostgreSQL is down, and reconnects by itself', async () => {
    const engine = await open(await server.createDatabase())
    await put(engine, [key, 'one'])
    await server.stop()
    await expect(put(engine, [key, 'two'])).rejects.toMatchObject(unavailable)
    await expect(engine.get([key])).rejects.toMatchObject(unavailable)
    await server.start()
    await untilServed(engine)
    expect(text((await engine.get([key]))[0]?.value)).toBe('one')
  })

  it('fails to open if nobody answers, without the password in the message', async () => {
    const address = parsePostgresAddress('postgres://me:s3cret-word@127.0.0.1:1/none')
    const refusal = await openPostgres(address).catch((error: Error) => error)
    expect(refusal).toMatchObject(unavailable)
    expect(inspect(refusal, { depth: 9 }) + inspect(address)).not.toContain('s3cret')
  })

  it('loses no acknowledged commit if PostgreSQL is killed again and again', async () => {
    const engine = await open(await server.createDatabase())
    const ledger = new Ledger(engine)
    const writers = Array.from({ length: 32 }, (_, writer) => ledger.write(writer))
    for (let kill = 0; kill < 4; kill += 1) {
      await ledger.grow(300)
      await server.kill()
      await server.start()
      await untilServed(engine)
    }
    await ledger.grow(300)
    ledger.isWriting = false
    await Promise.all(writers)
    await ledger.expectAll()
  }, 60_000)
})

/** Many writers, each with keys of its own, and the commits that were acknowledged to them. */
class Ledger {
  readonly #engine: PostgresEngine
  readonly #acknowledged = new Map<string, number>()
  #unknown = 0
  isWriting = true

  constructor(engine: PostgresEngine) {
    this.#engine = engine
  }

  async write(writer: number): Promise<void> {
    for (let index = 0; this.isWriting; index += 1) {
      const name = `${writer}/${index}`
      const puts = [{ key: Buffer.from(name), value: Buffer.from(name) }]
      const sums = [{ key: Buffer.from('sum'), delta: 1n }]
      try {
        const commit = await this.#engine.commit({ puts, sums })
        if (commit.applied) this.#acknowledged.set(name, commit.revision)
      } catch (error) {
        expect(error).toMatchObject({ failure: 'unavailable' })
        if (error instanceof Error && 'applied' in error && error.applied === 'unknown') {
          this.#unknown += 1
        }
        await sleep(5)
      }
    }
  }

  async grow(count: number): Promise<void> {
    const goal = this.#acknowledged.size + count
    while (this.#acknowledged.size < goal) await sleep(5)
  }

  async expectAll(): Promise<void> {
    const names = [...this.#acknowledged.keys()]
    const found = await this.#engine.get(names.map((name) => Buffer.from(name)))
    const missing = names.filter(
      (name, index) => found[index]?.revision !== this.#acknowledged.get(name),
    )
    expect(missing).toEqual([])
    const [sum] = await this.#engine.get([Buffer.from('sum')])
    const total = Number(Buffer.from(sum?.value ?? []).readBigInt64BE())
    expect(total).toBeGreaterThanOrEqual(names.length)
    expect(total).toBeLessThanOrEqual(names.length + this.#unknown)
  }
}

async function untilServed(engine: PostgresEngine): Promise<void> {
  for (;;) {
    try {
      await put(engine, [Buffer.from('served'), 'x'])
      await engine.get([Buffer.from('served')])
      return
    } catch (error) {
      expect(error).toMatchObject({ failure: 'unavailable' })
      await sleep(20)
    }
  }
}
