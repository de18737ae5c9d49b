import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { storeKey } from '../disk/keyspace.ts'
import { EngineError } from '../engine/engine.ts'
import { encodeIdentity, type StoreIdentity } from '../identity/identity.ts'
import { limits } from '../kernel/limits.ts'
import { fullScope } from '../people/scope.ts'
import type { Token } from '../people/tokens.ts'
import type { User } from '../people/users.ts'
import { codeOf, day, HurtEngine, openTestDomain, type TestDomain } from '../testing/testing.ts'
import type { Store } from './store.ts'

let engine: HurtEngine
let domain: TestDomain
let jane: User
let joe: User
let store: Store

beforeEach(async () => {
  engine = new HurtEngine(new MemoryEngine())
  domain = await openTestDomain(engine)
  await domain.users.createFirst('the first token of a test')
  jane = await domain.users.create('jane', { isAdmin: false })
  joe = await domain.users.create('joe', { isAdmin: false })
  store = await domain.stores.create({ ownerId: jane.id, name: 'coats' })
})

async function createToken(user: User, wanted: Partial<Token> = {}): Promise<Token> {
  const made = { userId: user.id, name: '', expiresAt: undefined, scope: fullScope, ...wanted }
  return (await domain.tokens.create(made)).token
}

const noteShown = async (token: Token): Promise<boolean> =>
  domain.signingSecrets.noteShown(await store.identity(), token.id)

const secret = async (): Promise<string> => (await store.identity()).signingSecret

/** Makes the store as one from before it was kept who had seen its secret. */
async function forgetWhoSaw(): Promise<void> {
  const { secretSeenBy: _, ...identity }: StoreIdentity = await store.identity()
  await domain.engine.commit({
    puts: [{ key: storeKey(store.id), value: encodeIdentity(identity) }],
  })
}

describe('a token that was shown the signing secret', () => {
  it('is noted once, even by many requests at once', async () => {
    const token = await createToken(jane)
    const shown = await Promise.all(Array.from({ length: 20 }, () => noteShown(token)))
    expect(new Set(shown)).toEqual(new Set([true]))
    expect((await store.identity()).secretSeenBy).toEqual([token.id])
  })

  it('is not shown it if the token has ended, or if the secret was replaced', async () => {
    const [ended, valid] = [await createToken(jane), await createToken(jane)]
    await domain.revocations.revokeToken(ended.id)
    expect(await noteShown(ended)).toBe(false)
    const before = await store.identity()
    await domain.stores.update(store.id, { resetsSigningSecret: true })
    expect(await domain.signingSecrets.noteShown(before, valid.id)).toBe(false)
    expect(await noteShown(valid)).toBe(true)
  })

  it('is not shown it if its user is disabled just then', async () => {
    const token = await createToken(jane)
    engine.beforeCommit = () => domain.users.update(jane.id, { isDisabled: true })
    expect(await noteShown(token)).toBe(false)
    expect((await store.identity()).secretSeenBy).toEqual([])
  })

  it('ends the secret with its end', async () => {
    const token = await createToken(jane)
    await noteShown(token)
    const before = await secret()
    await domain.revocations.revokeToken(token.id)
    expect(await secret()).not.toBe(before)
    expect((await store.identity()).secretSeenBy).toEqual([])
    expect(await codeOf(domain.tokens.get(token.id))).toBe('token-not-found')
  })

  it('ends the secret of a store that others share, but not if the share was only to read', async () => {
    await domain.stores.update(store.id, { shares: { [joe.id]: 'write' } })
    const token = await createToken(joe)
    await noteShown(token)
    await domain.stores.update(store.id, { shares: { [joe.id]: 'read' } })
    const before = await secret()
    await domain.revocations.revokeToken(token.id)
    expect(await secret()).toBe(before)
  })

  it.each(['token', 'user'] as const)(
    'ends the secret even if the server stops in between: the end of a %s goes on later',
    async (what) => {
      const token = await createToken(jane)
      await noteShown(token)
      const before = await secret()
      // The commit that ends the right is the last one before the server dies.
      engine.beforeCommit = async () => {
        engine.commitFailure = new EngineError('unavailable', 'The server died.')
      }
      const ending =
        what === 'token'
          ? domain.revocations.revokeToken(token.id)
          : domain.revocations.updateUser(jane.id, { isDisabled: true })
      expect(await codeOf(ending)).toBe('storage-unavailable')
      engine.commitFailure = undefined
      expect(await domain.tokens.findValid(token.id)).toBeUndefined()
      expect(await secret()).toBe(before)
      const next = await openTestDomain(engine)
      await next.sweeper.sweep()
      expect(await secret()).not.toBe(before)
      const after = await secret()
      expect([await next.tokens.listEnded(), await next.users.listLeaving()]).toEqual([[], []])
      await next.revocations.resume()
      expect(await secret()).toBe(after)
    },
  )

  it('is not in the list of tokens while its end goes on, and can do nothing', async () => {
    const token = await createToken(jane)
    await domain.tokens.end(token.id)
    expect(await domain.tokens.list(jane.id)).toEqual([])
    expect(await codeOf(domain.tokens.get(token.id))).toBe('token-not-found')
    expect(await codeOf(domain.tokens.end(token.id))).toBe('token-not-found')
    expect(await codeOf(domain.revocations.revokeToken(token.id))).toBe('token-not-found')
    expect(await domain.tokens.findValid(token.id)).toBeUndefined()
  })
})

describe('a store of which nobody knows who saw its secret', () => {
  it('gets a new secret when any token ends that could sign, and from then on it is known', async () => {
    const [one, other] = [await createToken(jane), await createToken(jane)]
    await forgetWhoSaw()
    const before = await secret()
    await domain.revocations.revokeToken(one.id)
    const after = await secret()
    expect(after).not.toBe(before)
    await domain.revocations.revokeToken(other.id)
    expect(await secret()).toBe(after)
  })

  it('keeps its secret when a token ends that could not sign', async () => {
    await forgetWhoSaw()
    const before = await secret()
    const scopes = [
      { action: 'read', storeId: undefined, keyPrefix: undefined },
      { action: 'write', storeId: store.id, keyPrefix: 'a' },
      { action: 'manage', storeId: 'AAAAAAAAAAAAAAAAA', keyPrefix: undefined },
    ] as const
    for (const scope of scopes) {
      await domain.revocations.revokeToken((await createToken(jane, { scope })).id)
    }
    await domain.revocations.revokeToken((await createToken(joe)).id)
    expect(await secret()).toBe(before)
  })

  it('is also one that more tokens saw than are kept', async () => {
    const tokens = await Promise.all(
      Array.from({ length: limits.secretSeenByMax + 1 }, () => createToken(jane)),
    )
    for (const token of tokens) await noteShown(token)
    expect((await store.identity()).secretSeenBy).toBeUndefined()
    const before = await secret()
    await domain.revocations.revokeToken((await createToken(jane)).id)
    expect(await secret()).not.toBe(before)
  })
})

it('a token that expires takes the tokens with it that it made, and no others', async () => {
  const expiresAt = domain.environment.now() + day
  const parent = await createToken(jane, { expiresAt })
  const child = await createToken(joe, { expiresAt, madeBy: parent.id })
  domain.environment.advance(1)
  const grandchild = await createToken(jane, { expiresAt, madeBy: child.id })
  const stranger = await createToken(jane, { expiresAt })
  await domain.revocations.revokeToken(parent.id)
  const living = [parent, child, grandchild, stranger].map(({ id }) => domain.tokens.findValid(id))
  expect((await Promise.all(living)).map(Boolean)).toEqual([false, false, false, true])
})
