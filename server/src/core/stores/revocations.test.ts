import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { storeKey } from '../disk/keyspace.ts'
import { EngineError } from '../engine/engine.ts'
import { encodeIdentity, type StoreIdentity } from '../identity/identity.ts'
import { limits } from '../kernel/limits.ts'
import { fullScope } from '../people/scope.ts'
import type { Token } from '../people/tokens.ts'
import type { User } from '../people/users.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { day, second } from '../testing/times.ts'
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

describe('a token that expires', () => {
  async function family(): Promise<Token[]> {
    const expiresAt = domain.environment.now() + day
    const parent = await createToken(jane, { expiresAt })
    const child = await createToken(jane, { expiresAt, madeBy: parent.id })
    const sibling = await createToken(joe, { expiresAt, madeBy: parent.id })
    // A clock that is set back makes it older than its maker.
    domain.environment.setClock(-second / 2)
    const grandchild = await createToken(joe, { expiresAt, madeBy: child.id })
    return [parent, child, sibling, grandchild]
  }

  async function areValid(tokens: readonly Token[]): Promise<boolean[]> {
    const found = await Promise.all(tokens.map(({ id }) => domain.tokens.findValid(id)))
    return found.map((one) => one !== undefined)
  }

  it('ends all tokens that it made before any secret is replaced, whatever the clock said', async () => {
    const tokens = await family()
    const [parent, child] = tokens
    if (!parent || !child) throw new Error('There are tokens.')
    await noteShown(child)
    const before = await secret()
    // The first commit that comes after the right of the last token has ended.
    let left = tokens.length
    const watch = async (): Promise<void> => {
      left -= 1
      engine.beforeCommit = watch
      if (left >= 0) return
      engine.beforeCommit = undefined
      expect([await areValid(tokens), await secret()]).toEqual([Array(4).fill(false), before])
    }
    engine.beforeCommit = watch
    await domain.revocations.revokeToken(parent.id)
    expect(left).toBe(-1)
    expect(await secret()).not.toBe(before)
    expect(await domain.tokens.listEnded()).toEqual([])
  })

  it('ends the others also if the server stops after its own end', async () => {
    const tokens = await family()
    await domain.tokens.end(tokens[0]?.id ?? '')
    await domain.tokens.end(tokens[1]?.id ?? '')
    expect(await areValid(tokens)).toEqual([false, false, true, true])
    await domain.revocations.resume()
    expect(await areValid(tokens)).toEqual(Array(4).fill(false))
    expect(await domain.tokens.listEnded()).toEqual([])
  })

  it('makes no token after its end', async () => {
    const [parent] = await family()
    engine.beforeCommit = () => domain.revocations.revokeToken(parent?.id ?? '')
    const { expiresAt } = parent ?? {}
    const making = createToken(jane, { expiresAt, madeBy: parent?.id })
    expect(await codeOf(making)).toBe('token-invalid')
    expect(await domain.tokens.list(jane.id)).toEqual([])
  })
})

it('a token is shown the secret of no store that it makes after its end', async () => {
  const token = await createToken(jane)
  const wanted = { ownerId: jane.id, name: undefined, secretSeenBy: token.id }
  engine.beforeCommit = () => domain.revocations.revokeToken(token.id)
  expect(await codeOf(domain.stores.create(wanted))).toBe('token-invalid')
  const valid = await createToken(jane)
  // Another change of the user is no reason to refuse the store.
  engine.beforeCommit = () => domain.users.update(jane.id, { isAdmin: true })
  const made = await domain.stores.create({ ...wanted, secretSeenBy: valid.id })
  expect((await made.identity()).secretSeenBy).toEqual([valid.id])
  const named = { ...wanted, name: 'coats', secretSeenBy: valid.id }
  expect(await codeOf(domain.stores.create(named))).toBe('store-name-taken')
})

it('a revocation that concerns many stores is one event for up to 100 of them', async () => {
  const token = await createToken(jane)
  const secretSeenBy = token.id
  const made = await Promise.all(
    Array.from({ length: 150 }, () =>
      domain.stores.create({ ownerId: jane.id, name: undefined, secretSeenBy }),
    ),
  )
  await domain.revocations.revokeToken(token.id)
  const { events } = await domain.auditLog.read(jane.id, { before: undefined, limit: 10 })
  const resets = events.filter(({ action }) => action === 'store-signing-secret-reset')
  expect(resets).toHaveLength(2)
  expect(resets[0]).toMatchObject({ details: { because: 'token-revoked' } })
  const named = resets.flatMap(({ details }) => Object(details).stores)
  expect(named.toSorted()).toEqual(made.map(({ id }) => id).toSorted())
  const [one] = made
  if (!one) throw new Error('There are stores.')
  const history = await domain.auditLog.readStore(one, { before: undefined, limit: 10 })
  expect(history.events).toMatchObject([{ action: 'store-signing-secret-reset' }])
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
