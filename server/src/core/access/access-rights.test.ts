import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import type { GeneralAccess, StoreIdentity } from '../identity/identity.ts'
import type { Action, Extent, Scope, UserAccess } from '../people/scope.ts'
import { identityWith, otherOwner, owner, principalWith, userWith } from '../testing/callers.ts'
import { codeOf, promised, refusalOf } from '../testing/outcomes.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import {
  type Address,
  actorOf,
  authorize,
  isAllowed,
  keyPrefixOf,
  mayNeedOwner,
  ownAccess,
  requireAccount,
  requireAdmin,
  rightOf,
  type Use,
} from './access.ts'
import { operatorPrincipal, type Principal } from './principal.ts'

const storeId = 'store000000000001'
const otherStoreId = 'store000000000002'
const actions: readonly Action[] = ['read', 'write', 'manage']
const everybody = [
  'owner',
  'shared to read',
  'shared to write',
  'shared to manage',
  'stranger',
  'nobody',
  'operator',
] as const
type Who = (typeof everybody)[number]

/** Everything that the result depends on. */
interface Situation {
  readonly who: Who
  readonly scope: Scope
  readonly use: Required<Use>
  readonly generalAccess: GeneralAccess
  readonly ownerAccess: UserAccess
}

const rank = { read: 1, write: 2, manage: 3 } as const
const rankOfUser: Readonly<Record<Who, number>> = {
  owner: 3,
  'shared to read': 1,
  'shared to write': 2,
  'shared to manage': 3,
  stranger: 0,
  nobody: 0,
  operator: 3,
}

/** The rules, written as simply as possible. */
function shouldBeAllowed({ who, scope, use, generalAccess, ownerAccess }: Situation): boolean {
  if (who === 'operator') return true
  const hasToken = who !== 'nobody'
  const isConfined = hasToken && scope.storeId === storeId && scope.keyPrefix !== undefined
  const isInPrefix =
    use.extent === 'some' || (use.extent !== 'all' && use.extent.key.startsWith('a/'))
  const isForStore = scope.storeId === undefined || scope.storeId === storeId
  const isForPart = isForStore && (!isConfined || isInPrefix)
  const wanted = rank[use.action]
  if (hasToken && isForPart && rank[scope.action] >= wanted && rankOfUser[who] >= wanted)
    return true
  if (use.action !== 'read') return false
  if (isConfined && !isInPrefix) return false
  if (generalAccess === 'RESTRICTED') return false
  if (generalAccess === 'ANYONE_WITH_NAME_CAN_READ') return true
  if (use.address === 'name') return false
  return generalAccess === 'ANYONE_WITH_ID_CAN_READ' || ownerAccess === 'ANYONE_WITH_ID_CAN_READ'
}

function principalOf({ who, scope }: Pick<Situation, 'who' | 'scope'>): Principal {
  if (who === 'nobody') return { kind: 'nobody' }
  const user = userWith(who === 'owner' ? owner : otherOwner)
  return who === 'operator' ? operatorPrincipal(user) : principalWith(user, scope)
}

function storeOf({ who, generalAccess }: Pick<Situation, 'who' | 'generalAccess'>): StoreIdentity {
  const shared = actions.find((action) => who === `shared to ${action}`)
  return identityWith({
    id: storeId,
    generalAccess,
    shares: shared ? { [otherOwner]: shared } : {},
  })
}

function* scopes(): Generator<Scope> {
  for (const action of actions) {
    yield { action, storeId: undefined, keyPrefix: undefined }
    for (const only of [storeId, otherStoreId]) {
      yield { action, storeId: only, keyPrefix: undefined }
      yield { action, storeId: only, keyPrefix: 'a/' }
    }
  }
}

function* uses(): Generator<Required<Use>> {
  const extents: readonly Extent[] = ['all', 'some', { key: 'a/b' }, { key: 'b' }]
  const addresses: readonly Address[] = ['id', 'name']
  for (const action of actions) {
    for (const extent of extents) {
      for (const address of addresses) yield { action, extent, address }
    }
  }
}

function* situations(): Generator<Situation> {
  const levels: readonly GeneralAccess[] = [
    'FOLLOW_USER_SETTING',
    'RESTRICTED',
    'ANYONE_WITH_ID_CAN_READ',
    'ANYONE_WITH_NAME_CAN_READ',
  ]
  for (const who of everybody) {
    for (const scope of scopes()) {
      for (const use of uses()) {
        for (const generalAccess of levels) {
          yield { who, scope, use, generalAccess, ownerAccess: 'RESTRICTED' }
          yield { who, scope, use, generalAccess, ownerAccess: 'ANYONE_WITH_ID_CAN_READ' }
        }
      }
    }
  }
}

/** All situations for which `isWrong` is true, as text. */
function wrong(isWrong: (situation: Situation) => boolean): string[] {
  const all = [...situations()]
  expect(all).toHaveLength(7 * 15 * 24 * 8)
  return all.filter(isWrong).map((situation) => JSON.stringify(situation))
}

describe('in every situation, access', () => {
  it('follows the rules', () => {
    const found = wrong((situation) => {
      const { use, ownerAccess } = situation
      const answer = isAllowed(principalOf(situation), use, storeOf(situation), ownerAccess)
      return answer !== shouldBeAllowed(situation)
    })
    expect(found).toEqual([])
  })

  it('is refused with token-missing for changes without a token, else with access-denied', () => {
    const found = wrong((situation) => {
      const { who, use, ownerAccess } = situation
      const code = refusalOf(() =>
        authorize(principalOf(situation), use, storeOf(situation), ownerAccess),
      )
      if (shouldBeAllowed(situation)) return code !== 'none'
      const needsToken = who === 'nobody' && use.action !== 'read'
      return code !== (needsToken ? 'token-missing' : 'access-denied')
    })
    expect(found).toEqual([])
  })

  it("asks for the owner's setting whenever the result depends on it", () => {
    const found = wrong((situation) => {
      const answers = (['RESTRICTED', 'ANYONE_WITH_ID_CAN_READ'] as const).map((ownerAccess) =>
        shouldBeAllowed({ ...situation, ownerAccess }),
      )
      const isAsked = mayNeedOwner(principalOf(situation), situation.use, storeOf(situation))
      return answers[0] !== answers[1] && !isAsked
    })
    expect(found).toEqual([])
  })

  it("does not ask for the owner's setting if another right is enough or the store does not follow it", () => {
    const found = wrong((situation) => {
      const { use, generalAccess } = situation
      const principal = principalOf(situation)
      const isFixed = generalAccess !== 'FOLLOW_USER_SETTING' || use.action !== 'read'
      const hasRight = rightOf(principal, storeOf(situation), use.extent) !== undefined
      return (isFixed || hasRight) && mayNeedOwner(principal, use, storeOf(situation))
    })
    expect(found).toEqual([])
  })
})

describe('a right to a part of a store', () => {
  const store = identityWith({ id: storeId, shares: { [otherOwner]: 'write' } })

  it("is the lesser of the token's scope and the share", () => {
    const rights = actions.map((action) =>
      rightOf(principalWith(userWith(otherOwner), { action }), store),
    )
    expect(rights).toEqual(['read', 'write', 'write'])
    const owned = actions.map((action) =>
      rightOf(principalWith(userWith(owner), { action }), store),
    )
    expect(owned).toEqual(actions)
  })

  it('is for all of the store, addressed by its id, by default', () => {
    const confined = { action: 'read', storeId, keyPrefix: 'a/' } as const
    const principal = principalWith(userWith(owner), confined)
    expect(rightOf(principal, store)).toBeUndefined()
    expect(isAllowed(principal, { action: 'read' }, store, 'RESTRICTED')).toBe(false)
    const open = identityWith({ generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    expect(isAllowed({ kind: 'nobody' }, { action: 'read' }, open, 'RESTRICTED')).toBe(true)
  })

  it('does not exist for a user id that is a property of every object', () => {
    const principal = principalWith(userWith('constructor'))
    expect(rightOf(principal, store)).toBeUndefined()
  })

  it('is limited to the key prefix of the token', () => {
    const confined = principalWith(userWith(owner), { storeId, keyPrefix: 'a/' })
    expect(keyPrefixOf(confined, store)).toBe('a/')
    expect(keyPrefixOf(confined, identityWith({ id: otherStoreId }))).toBeUndefined()
    expect(keyPrefixOf(principalWith(userWith(owner)), store)).toBeUndefined()
    expect(keyPrefixOf({ kind: 'nobody' }, store)).toBeUndefined()
  })
})

it('tells only owners their own setting', () => {
  const setting = { generalAccess: 'ANYONE_WITH_ID_CAN_READ' } as const
  const store = identityWith()
  const found = [
    ownAccess(principalWith(userWith(owner, setting)), store),
    ownAccess(principalWith(userWith(otherOwner, setting)), store),
    ownAccess({ kind: 'nobody' }, store),
  ]
  expect(found).toEqual(['ANYONE_WITH_ID_CAN_READ', 'RESTRICTED', 'RESTRICTED'])
})

it('names actors by their user, token and door', () => {
  const principal = principalWith(userWith(owner))
  const { tokenId } = principal
  expect(actorOf(principal, 'apify')).toEqual({ userId: owner, tokenId, door: 'apify' })
  const operator = operatorPrincipal(userWith(owner))
  expect(actorOf(operator, 'coatcheck')).toEqual({ userId: owner, tokenId: '', door: 'cli' })
  expect(actorOf({ kind: 'nobody' }, 'apify')).toBeUndefined()
})

describe('the account of a user', () => {
  const scoped = [...scopes()]

  it.each(actions)('needs a token for all stores to %s', (action) => {
    for (const scope of scoped) {
      const principal = principalWith(userWith(owner), scope)
      const isFor = scope.storeId === undefined && rank[scope.action] >= rank[action]
      const code = refusalOf(() => requireAccount(principal, action))
      expect(code, JSON.stringify(scope)).toBe(isFor ? 'none' : 'account-denied')
    }
    expect(refusalOf(() => requireAccount({ kind: 'nobody' }, action))).toBe('token-missing')
  })

  it('lets admins manage other users with a full token', () => {
    const admin = userWith(owner, { isAdmin: true })
    for (const scope of scoped) {
      const isFull = scope.storeId === undefined && scope.action === 'manage'
      const code = refusalOf(() => requireAdmin(principalWith(admin, scope)))
      expect(code, JSON.stringify(scope)).toBe(isFull ? 'none' : 'account-denied')
      const other = refusalOf(() => requireAdmin(principalWith(userWith(owner), scope)))
      expect(other).toBe('account-denied')
    }
    expect(refusalOf(() => requireAdmin({ kind: 'nobody' }))).toBe('token-missing')
    expect(requireAdmin(principalWith(admin))).toBe(admin)
  })
})

describe('a store that follows the setting of its owner', () => {
  it('is opened and closed by it at once, even for callers that found it before', async () => {
    const { access, stores, users } = await openTestDomain(new MemoryEngine())
    const { id: ownerId } = await users.create('jane', { isAdmin: true })
    const { id } = await stores.create({ ownerId, name: 'coats' })
    await (await stores.find(id)).put(textRecord('key', 'value'))
    const nobody = access.callerFor({ kind: 'nobody' }, 'apify', { action: 'read' })
    expect(await codeOf(stores.find(id, nobody))).toBe('access-denied')
    await users.update(ownerId, { generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    const store = await stores.find(id, nobody)
    expect(await codeOf(promised(() => store.get('key')))).toBe('none')
    expect(await codeOf(store.changes({ after: 0, prefix: '' }))).toBe('none')
    await users.update(ownerId, { generalAccess: 'RESTRICTED' })
    const codes = [
      promised(() => store.get('key')),
      store.changes({ after: 0, prefix: '' }),
      stores.find(id, nobody),
    ]
    expect(await Promise.all(codes.map(codeOf))).toEqual(codes.map(() => 'access-denied'))
  })

  it('is closed if its owner is unknown', async () => {
    const { access, stores } = await openTestDomain(new MemoryEngine())
    const { id } = await stores.create({ ownerId: owner, name: 'coats' })
    const nobody = access.callerFor({ kind: 'nobody' }, 'apify', { action: 'read' })
    expect(await codeOf(stores.find(id, nobody))).toBe('access-denied')
  })
})
