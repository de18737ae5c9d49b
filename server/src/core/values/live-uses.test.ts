import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { EngineError } from '../engine/engine.ts'
import { type ByteSource, WholeSource } from '../kernel/byte-source.ts'
import { type ErrorCode, StorageError } from '../kernel/errors.ts'
import { fullScope } from '../people/scope.ts'
import type { Store } from '../stores/store.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { PausingSource } from '../testing/pausing-source.ts'
import { bytesRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { minute } from '../testing/times.ts'
import { LiveUses, whileLive } from './live-uses.ts'

const denied = new StorageError('access-denied', 'Not any more.')

describe('a long use', () => {
  it('goes on for as long as its caller has the right to it', async () => {
    const uses = new LiveUses()
    let checks = 0
    const use = uses.begin(async () => {
      checks += 1
    })
    for (let turn = 0; turn < 3; turn += 1) await uses.recheck()
    expect([checks, use.signal.aborted]).toEqual([3, false])
  })

  it('ends with the reason, while others go on', async () => {
    const uses = new LiveUses()
    let isAllowed = true
    const ending = uses.begin(async () => {
      if (!isAllowed) throw denied
    })
    const other = uses.begin(async () => undefined)
    await uses.recheck()
    expect(ending.signal.aborted).toBe(false)
    isAllowed = false
    await uses.recheck()
    expect(ending.signal.reason).toBe(denied)
    expect(other.signal.aborted).toBe(false)
  })

  it.each<ErrorCode>(['storage-unavailable', 'store-busy', 'outcome-unknown', 'record-damaged'])(
    'goes on if the check fails with %s',
    async (code) => {
      const uses = new LiveUses()
      const use = uses.begin(async () => {
        throw new StorageError(code, 'Nobody knows.')
      })
      await uses.recheck()
      expect(use.signal.aborted).toBe(false)
    },
  )

  it.each<ErrorCode>(['store-not-found', 'token-invalid', 'token-missing', 'access-denied'])(
    'ends with %s',
    async (code) => {
      const uses = new LiveUses()
      const use = uses.begin(async () => {
        throw new StorageError(code, 'No.')
      })
      await uses.recheck()
      expect(use.signal.reason).toMatchObject({ code })
    },
  )

  it('may be a wait, which ends with the reason and is then no longer checked', async () => {
    const uses = new LiveUses()
    let checks = 0
    let isAllowed = true
    const assertStill = async (): Promise<void> => {
      checks += 1
      if (!isAllowed) throw denied
    }
    expect(await uses.during(Promise.resolve('there'), assertStill)).toBe('there')
    await expect(uses.during(Promise.reject(denied), assertStill)).rejects.toBe(denied)
    await uses.recheck()
    expect(checks).toBe(0)
    const { promise, reject } = Promise.withResolvers<string>()
    const waiting = uses.during(promise, assertStill)
    await uses.recheck()
    isAllowed = false
    const refused = expect(waiting).rejects.toBe(denied)
    await uses.recheck()
    await refused
    expect(checks).toBe(2)
    // The late failure of the work has no effect.
    reject(new Error('too late'))
    await expect(promise).rejects.toThrow('too late')
    await uses.recheck()
    expect(checks).toBe(2)
  })

  it('is no longer checked after it was disposed of', async () => {
    const uses = new LiveUses()
    let checks = 0
    const check = async (): Promise<void> => {
      checks += 1
    }
    {
      using _ = uses.begin(check)
      await uses.recheck()
    }
    await uses.recheck()
    expect(checks).toBe(1)
  })

  it('is checked once at a time, however often a recheck is asked for', async () => {
    const uses = new LiveUses()
    let checks = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    uses.begin(() => {
      checks += 1
      return promise
    })
    const asked = [uses.recheck(), uses.recheck(), uses.recheck()]
    resolve()
    await Promise.all(asked)
    expect(checks).toBe(1)
    await uses.recheck()
    expect(checks).toBe(2)
  })

  it('ends among thousands, even if the check of another use throws an unexpected error', async () => {
    const uses = new LiveUses()
    const broken = new Error('broken')
    const all = Array.from({ length: 2_000 }, (_, index) =>
      uses.begin(async () => {
        if (index % 500 === 499) throw broken
        if (index % 3 === 0) throw denied
      }),
    )
    await expect(uses.recheck()).rejects.toBe(broken)
    const ended = all.flatMap(({ signal }, index) => (signal.aborted ? [index] : []))
    const expected = all.flatMap((_, index) =>
      index % 3 === 0 && index % 500 !== 499 ? [index] : [],
    )
    expect(ended.length).toBe(expected.length)
    expect(ended).toEqual(expected)
  })
})

describe('a value that is sent during a long use', () => {
  it('arrives unchanged', async () => {
    const bytes = patternBytes(10_000)
    const use = new LiveUses().begin(async () => undefined)
    const source = whileLive(new WholeSource(bytes), use)
    const taken: Uint8Array[] = []
    for (;;) {
      const part = await source.take(3_000)
      if (part.length === 0) break
      taken.push(part)
    }
    expect(taken.map(({ length }) => length)).toEqual([3_000, 3_000, 3_000, 1_000])
    expect(Buffer.concat(taken).equals(bytes)).toBe(true)
  })

  it('is cut off while the server waits for the sender', async () => {
    const uses = new LiveUses()
    const use = uses.begin(async () => {
      throw denied
    })
    const silent: ByteSource = { take: () => new Promise(() => undefined) }
    const taking = whileLive(silent, use).take(10)
    const ended = expect(taking).rejects.toBe(denied)
    await uses.recheck()
    await ended
  })

  it('is cut off before more bytes are taken, even if the use had ended before the first byte', async () => {
    const uses = new LiveUses()
    const use = uses.begin(async () => {
      throw denied
    })
    const before = whileLive(new WholeSource(patternBytes(100)), use)
    expect(await before.take(10)).toHaveLength(10)
    await uses.recheck()
    const after = whileLive(new WholeSource(patternBytes(100)), use)
    for (const source of [before, after]) await expect(source.take(10)).rejects.toBe(denied)
  })

  it('fails with the failure of its sender', async () => {
    const failing: ByteSource = { take: () => Promise.reject(new Error('gone')) }
    const use = new LiveUses().begin(async () => undefined)
    await expect(whileLive(failing, use).take(10)).rejects.toThrow('gone')
  })

  it('leaves no listener behind', async () => {
    const use = new LiveUses().begin(async () => undefined)
    const source = whileLive(new WholeSource(patternBytes(100)), use)
    for (let taken = 0; taken < 20; taken += 1) await source.take(10)
    const failing: ByteSource = { take: () => Promise.reject(new Error('gone')) }
    await expect(whileLive(failing, use).take(10)).rejects.toThrow('gone')
    expect(getEventListeners(use.signal, 'abort')).toEqual([])
  })
})

describe('a long use of a store', () => {
  interface Used {
    readonly domain: TestDomain
    readonly engine: HurtEngine
    readonly userId: string
    readonly tokenId: string
    readonly store: Store
  }

  /** A store that its owner shares with the user of a token. */
  async function openUsed(): Promise<Used> {
    const engine = new HurtEngine(new MemoryEngine())
    const domain = await openTestDomain(engine)
    const { id: ownerId } = await domain.users.create('owner', { isAdmin: true })
    const { id: userId } = await domain.users.create('jane', { isAdmin: false })
    const expiresAt = domain.environment.now() + minute
    const wanted = { userId, name: '', expiresAt, scope: fullScope }
    const { text, token } = await domain.tokens.create(wanted)
    const { id } = await domain.stores.create({ ownerId, name: 'coats' })
    await domain.stores.update(id, { shares: { [userId]: 'write' } })
    const principal = await domain.access.authenticate(text)
    const caller = domain.access.callerFor(principal, 'apify', { action: 'write' })
    const store = await domain.stores.find(id, caller)
    return { domain, engine, userId, tokenId: token.id, store }
  }

  const endings: Readonly<Record<string, [ErrorCode, (used: Used) => Promise<unknown> | unknown]>> =
    {
      'the token is revoked': [
        'token-invalid',
        ({ domain, tokenId }) => domain.tokens.revoke(tokenId),
      ],
      'the token expires': ['token-invalid', ({ domain }) => domain.environment.advance(minute)],
      'the user is disabled': [
        'token-invalid',
        ({ domain, userId }) => domain.users.update(userId, { isDisabled: true }),
      ],
      'the store is no longer shared': [
        'access-denied',
        ({ domain, store, userId }) =>
          domain.stores.update(store.id, { shares: { [userId]: null } }),
      ],
      'the store is shared with fewer rights': [
        'access-denied',
        ({ domain, store, userId }) =>
          domain.stores.update(store.id, { shares: { [userId]: 'read' } }),
      ],
      'the store is dropped': [
        'store-not-found',
        ({ domain, store }) => domain.stores.drop(store.id),
      ],
    }

  it.each(Object.entries(endings))('ends when %s', async (_, [code, end]) => {
    const used = await openUsed()
    using use = used.store.beginUse()
    await used.domain.liveUses.recheck()
    expect(use.signal.aborted).toBe(false)
    await end(used)
    await used.domain.liveUses.recheck()
    expect(use.signal.reason).toMatchObject({ code })
  })

  it('goes on while the storage fails', async () => {
    const { domain, engine, store } = await openUsed()
    using use = store.beginUse()
    engine.readFailure = new EngineError('unavailable', 'Injected.')
    await domain.liveUses.recheck()
    expect(use.signal.aborted).toBe(false)
  })

  it('cuts off a running upload, and leaves nothing of it', async () => {
    const { domain, engine, tokenId, store } = await openUsed()
    const source = new PausingSource(patternBytes(2 ** 21), async () => {
      await domain.tokens.revoke(tokenId)
      await domain.liveUses.recheck()
    })
    expect(await codeOf(store.put(bytesRecord('key', source)))).toBe('token-invalid')
    domain.environment.advance(1)
    await domain.sweeper.sweep()
    for (const kind of ['record', 'chunk', 'lease'] as const) {
      expect(await entriesOf(engine, kind), kind).toEqual([])
    }
  })

  it('ends together with its upload, and is no longer checked', async () => {
    const { domain, engine, store } = await openUsed()
    await store.put(bytesRecord('key', patternBytes(2 ** 21)))
    const failing = new PausingSource(patternBytes(2 ** 21), () =>
      Promise.reject(new Error('gone')),
    )
    await expect(store.put(bytesRecord('key', failing))).rejects.toThrow('gone')
    engine.readFailure = new Error('Nobody is asked about any more.')
    await expect(domain.liveUses.recheck()).resolves.toBeUndefined()
  })
})
