import { describe, expect, it, onTestFinished } from 'vitest'
import { changeKey } from '../src/core/disk/keyspace.ts'
import type { KeyRange, Page, ScanBound } from '../src/core/engine/engine.ts'
import type { Store } from '../src/core/stores/store.ts'
import { owner } from '../src/core/testing/callers.ts'
import { openTestDomain } from '../src/core/testing/test-domain.ts'
import { TestEnvironment } from '../src/core/testing/test-environment.ts'
import { everything, jsonOf, next, pause, put } from '../src/core/testing/watching.ts'
import { type PostgresAddress, parsePostgresAddress } from '../src/engines/postgres/link/address.ts'
import { PostgresEngine } from '../src/engines/postgres/postgres.ts'
import { sharedPostgres } from './support/postgres/test-database.ts'

/** Cuts the connections on which the servers hear of each other. */
const cutListening = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and query like 'listen %'`
const watchedStores = 20
const writes = 30

/** Counts the pages that are read of each log. */
class CountingEngine extends PostgresEngine {
  readonly #scans = new Map<string, number>()

  override scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    const log = Buffer.from(range.start).subarray(0, changeKey(owner).length).toString('latin1')
    this.#scans.set(log, (this.#scans.get(log) ?? 0) + 1)
    return super.scan(range, bound)
  }

  readsOf(store: Store): number {
    return this.#scans.get(changeKey(store.id).toString('latin1')) ?? 0
  }
}

interface Server {
  readonly engine: CountingEngine
  open(name: string): Promise<Store>
}

async function openServer(
  address: PostgresAddress,
  { seed, pollMs }: { seed: number; pollMs: number },
): Promise<Server> {
  const options = { connectMsMax: 8_000, answerMsMax: 8_000, pollMs, log: () => undefined }
  const engine = new CountingEngine(address, options)
  await engine.connect()
  const environment = new TestEnvironment(seed)
  const settings = { environment, watching: { pause, jsonOf } }
  const { stores, close } = await openTestDomain(engine, settings)
  onTestFinished(async () => {
    await close()
    await engine.close()
  })
  return { engine, open: async (name) => (await stores.open({ ownerId: owner, name })).store }
}

async function openTwo(url: string, pollMs: number): Promise<[Server, Server]> {
  const address = parsePostgresAddress(url)
  return [
    await openServer(address, { seed: 1, pollMs }),
    await openServer(address, { seed: 2, pollMs }),
  ]
}

describe('a server on PostgreSQL whose stores are watched', () => {
  it('reads only the logs of stores that have changed, whichever server changed them', async () => {
    // They poll so rarely that the test would be over before.
    const [one, other] = await openTwo(await sharedPostgres.createDatabase(), 3_600_000)
    const names = Array.from({ length: watchedStores }, (_, at) => `quiet-${at}`)
    const quiet = await Promise.all(names.map((name) => one.open(name)))
    const [busy, sameBusy] = [await one.open('busy'), await other.open('busy')]
    const silent = await Promise.all(quiet.map((store) => store.watch(everything)))
    const watcher = await busy.watch(everything)
    // Until it listens, and knows where the notifications begin, it reads all logs.
    for (const at of [0, 1, 2]) {
      await put(sameBusy, 'first', `${at}`)
      expect(await next(watcher)).toBe(`put first ${at}`)
    }
    const before = quiet.map((store) => one.engine.readsOf(store))
    for (let at = 0; at < writes; at += 1) {
      await put(at % 2 === 0 ? busy : sameBusy, 'key', `${at}`)
      expect(await next(watcher)).toBe(`put key ${at}`)
    }
    expect(quiet.map((store) => one.engine.readsOf(store))).toEqual(before)
    const [first] = silent
    await put(await other.open('quiet-0'), 'key', 'last')
    expect(first && (await next(first))).toBe('put key last')
  })

  it('hears of each change though notifications get lost', async () => {
    const url = await sharedPostgres.createDatabase()
    const [one, other] = await openTwo(url, 10)
    const [store, same] = [await one.open('coats'), await other.open('coats')]
    const watcher = await store.watch(everything)
    for (let at = 0; at < 5; at += 1) {
      const cutting = sharedPostgres.query(cutListening, url)
      await put(same, 'key', `${at}`)
      await cutting
      expect(await next(watcher)).toBe(`put key ${at}`)
    }
  })
})
