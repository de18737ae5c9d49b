import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { Revision } from '../engine/engine.ts'
import type { Store } from '../stores/store.ts'
import { settle } from '../testing/times.ts'
import { everything, openStore, pause, put } from '../testing/watching.ts'
import type { WatchEvent } from './watch-event.ts'
import type { Watcher } from './watcher.ts'

describe('any sequence of changes and reconnections', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('put' as const),
        key: fc.integer({ min: 0, max: 4 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('delete' as const),
        key: fc.integer({ min: 0, max: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const, key: 0 }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'reconnect' as const, key: 0 }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'read' as const, key: 0 }) },
  )

  it('shows every key its last value, and never goes back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer(), async (steps, seed) => {
        const { store } = await openStore(
          new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed, isShared: false }),
        )
        const client = new Client(store)
        await client.connect()
        const expected = new Map<string, string>()
        for (const [number, { kind, key }] of steps.entries()) {
          if (kind === 'put') {
            await put(store, `${key}`, `${number}`)
            expected.set(`${key}`, `${number}`)
          } else if (kind === 'delete') {
            await store.delete(`${key}`)
            expected.delete(`${key}`)
          } else if (kind === 'clear') {
            await store.clear()
            expected.clear()
          } else if (kind === 'read') await settle()
          else await client.connect()
        }
        await put(store, 'end', 'end')
        expected.set('end', 'end')
        await client.until('end')
        expect(client.state).toEqual(expected)
        client.close()
      }),
      { numRuns: 40 },
    )
  })
})

/** A client that keeps a copy of the store by watching, and continues where it was. */
class Client {
  readonly state = new Map<string, string>()
  readonly #store: Store
  #watcher: Watcher | undefined
  #resume: Revision | undefined
  #latest = 0
  #reading: Promise<void> = Promise.resolve()

  constructor(store: Store) {
    this.#store = store
  }

  async connect(): Promise<void> {
    this.close()
    await this.#reading
    this.#watcher = await this.#store.watch({ ...everything, after: this.#resume })
    this.#resume ??= this.#watcher.resume
    this.#reading = this.#read(this.#watcher)
  }

  async until(key: string): Promise<void> {
    while (!this.state.has(key)) await pause()
  }

  close(): void {
    this.#watcher?.[Symbol.dispose]()
  }

  async #read(watcher: Watcher): Promise<void> {
    for (let batch = await watcher.next(); batch; batch = await watcher.next()) {
      expect(batch.kind).toBe('changes')
      if (batch.kind !== 'changes') return
      for (const event of batch.events) this.#apply(event)
      this.#resume = batch.resume ?? this.#resume
    }
  }

  #apply({ change: { kind, key, revision }, value }: WatchEvent): void {
    expect(revision).toBeGreaterThanOrEqual(this.#latest)
    this.#latest = revision
    if (kind === 'clear') this.state.clear()
    else if (kind === 'delete') this.state.delete(key)
    // Without a value, another change of the key follows.
    else this.state.set(key, value?.json ?? 'unknown')
  }
}
