import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { sharedPostgres } from '../../../test/support/postgres/test-database.ts'
import type { Entry, Revision } from '../../core/engine/engine.ts'
import { put, text, within } from '../conformance/basics.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres, type PostgresEngine, type PostgresOptions } from './postgres.ts'

const log = Buffer.from('log/')
const hot = Buffer.from('hot')
const never = new AbortController().signal

describe('several servers on one PostgreSQL', () => {
  let url: string
  beforeEach(async () => {
    url = await sharedPostgres.createDatabase()
  })

  async function open(options: PostgresOptions = {}): Promise<PostgresEngine> {
    const engine = await openPostgres(parsePostgresAddress(url), options)
    onTestFinished(() => engine.close())
    return engine
  }

  it('all open an empty database at once', async () => {
    const engines = await Promise.all(Array.from({ length: 4 }, () => open()))
    const revisions = await Promise.all(engines.map((engine) => put(engine, [hot, 'x'])))
    expect(new Set(revisions).size).toBe(4)
    expect(await sharedPostgres.query('select version from coatcheck_schema', url)).toEqual([
      { version: 1 },
    ])
  })

  it('refuse a database that a newer Coatcheck has changed', async () => {
    const engine = await open()
    await engine.close()
    await sharedPostgres.query('update coatcheck_schema set version = 99', url)
    await expect(open()).rejects.toMatchObject({ failure: 'unavailable' })
    await expect(open()).rejects.toThrow(/version 99/)
  })

  it('need no right to create tables once they exist', async () => {
    await open()
    const name = `reader_${new URL(url).pathname.slice(6)}`
    await sharedPostgres.query(
      `create role ${name} login; grant select, insert, update, delete on all tables in schema public
        to ${name}; revoke create on schema public from public`,
      url,
    )
    const engine = await openPostgres(parsePostgresAddress(url.replace('coatcheck@', `${name}@`)))
    onTestFinished(() => engine.close())
    await put(engine, [hot, 'x'])
    expect(await engine.health()).toMatchObject({ whyNot: undefined, durability: 'none' })
  })

  it('show a follower every entry of a log in order, while both write', async () => {
    const engines = [await open(), await open()]
    const follower = new Follower(await open())
    // One server has larger commits, so that a commit that begins first would often end last.
    const loads = [Buffer.alloc(0), Buffer.alloc(100_000)]
    const writers = engines.flatMap((engine, server) =>
      Array.from({ length: 8 }, async (_, writer) => {
        const load = { key: Buffer.from(`load ${server} ${writer}`), value: loads[server] ?? log }
        for (let index = 0; index < 60; index += 1) {
          const value = Buffer.from(`${server}/${writer}/${index}`)
          await engine.commit({ puts: [{ key: log, value, stamped: true }, load] })
        }
      }),
    )
    const following = follower.until(() => follower.seen.length === 2 * 8 * 60)
    await Promise.all(writers)
    await following
    const { entries } = await follower.engine.scan(within(log), { limit: 9_999, bytes: 9_999_999 })
    expect(follower.seen).toEqual(entries.map(({ value }) => text(value)))
  })

  it('lose no update if many clients read, check and write on both', async () => {
    const engines = [await open(), await open()]
    const increments = engines.flatMap((engine) =>
      Array.from({ length: 8 }, async () => {
        for (let done = 0; done < 10; ) {
          const [entry] = await engine.get([hot])
          const value = Buffer.from(String(Number(text(entry?.value) || '0') + 1))
          const checks = [{ key: hot, revision: entry?.revision }]
          const commit = await engine.commit({ checks, puts: [{ key: hot, value }] })
          if (commit.applied) done += 1
        }
      }),
    )
    await Promise.all(increments)
    expect(text((await engines[0]?.get([hot]))?.[0]?.value)).toBe('160')
  })

  it('wake each other by notifications', async () => {
    // It polls so rarely that the test would be over before.
    const [writing, waiting] = [await open(), await open({ pollMs: 3_600_000 })]
    for (let round = 0; round < 3; round += 1) {
      const now = await put(writing, [hot, 'before'])
      expect(await waiting.newerThan(now - 1, never)).toBe(now)
      const woken = waiting.newerThan(now, never)
      const next = await put(writing, [hot, 'after'])
      expect(await woken).toBe(next)
    }
  })

  it('wake each other by polling if notifications get lost', async () => {
    const waiting = await open({ pollMs: 20 })
    const now = await put(waiting, [hot, 'x'])
    const woken = waiting.newerThan(now, never)
    await sharedPostgres.query('update coatcheck_clock set revision = revision + 1', url)
    expect(await woken).toBe(now + 1)
  })
})

/** Reads on from the newest revision that it has seen. */
class Follower {
  readonly engine: PostgresEngine
  readonly seen: string[] = []
  #newest: Revision = 0

  constructor(engine: PostgresEngine) {
    this.engine = engine
  }

  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      await this.engine.newerThan(this.#newest, never)
      for (const entry of await this.#readOn()) {
        this.seen.push(text(entry.value))
        this.#newest = entry.revision
      }
    }
  }

  async #readOn(): Promise<readonly Entry[]> {
    const stamp = Buffer.alloc(8)
    stamp.writeBigUInt64BE(BigInt(this.#newest + 1))
    const range = { start: Buffer.concat([log, stamp]), end: within(log).end }
    return (await this.engine.scan(range, { limit: 100, bytes: 99_999 })).entries
  }
}
