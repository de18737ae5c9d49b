import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { tokenKey } from '../disk/keyspace.ts'
import type { GeneralAccess } from '../identity/identity.ts'
import type { ErrorCode } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { type Action, fullScope } from '../people/scope.ts'
import { createToken, digestOf } from '../people/token-text.ts'
import { identityWith, otherOwner, owner, principalWith, userWith } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf, refusalOf } from '../testing/outcomes.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { type Address, authorize, isAllowed, requireUser } from './access.ts'
import { operatorPrincipal, type Principal } from './principal.ts'

const generalAccesses: readonly GeneralAccess[] = [
  'FOLLOW_USER_SETTING',
  'RESTRICTED',
  'ANYONE_WITH_ID_CAN_READ',
  'ANYONE_WITH_NAME_CAN_READ',
]

async function withFirstUser(): Promise<TestDomain> {
  const domain = await openTestDomain(new MemoryEngine())
  await domain.users.createFirst('token')
  return domain
}

async function revoke({ engine }: TestDomain): Promise<void> {
  const tokens = await entriesOf(engine, 'token')
  await engine.commit({ deletes: tokens.map(({ key }) => key) })
}

describe('the principal of a token', () => {
  it('is the user of the token', async () => {
    const { access, users } = await withFirstUser()
    const user = await users.getByUsername('owner')
    expect(user).toBeDefined()
    const tokenId = hash('sha256', 'token').slice(0, 16)
    const principal = { kind: 'user', user, tokenId, scope: fullScope, isOperator: false }
    expect(await access.authenticate('token')).toEqual(principal)
  })

  it('is nobody without a token', async () => {
    const { access } = await withFirstUser()
    expect(await access.authenticate(undefined)).toEqual({ kind: 'nobody' })
    expect(await access.authenticate('')).toEqual({ kind: 'nobody' })
  })

  it('is refused for an invalid token', async () => {
    const { access } = await withFirstUser()
    expect(await codeOf(access.authenticate('another'))).toBe('token-invalid')
  })

  it('is refused with one line of the log for all addresses of one customer', async () => {
    const { access, environment } = await withFirstUser()
    const revoked = createToken(environment)
    for (const peer of ['2001:db8::1', '2001:db8::2']) {
      const from = { peer, isForwarded: false }
      expect(await codeOf(access.authenticate(revoked, from))).toBe('token-invalid')
    }
    const [first, second] = environment.events
    expect(first).toMatch(/came from 2001:db8:0:0::\/64$/)
    expect(second).toBe(first)
  })

  it('is cached for less than a second', async () => {
    const domain = await withFirstUser()
    await domain.access.authenticate('token')
    await revoke(domain)
    domain.environment.advance(999)
    expect(await codeOf(domain.access.authenticate('token'))).toBe('none')
    domain.environment.advance(1)
    expect(await codeOf(domain.access.authenticate('token'))).toBe('token-invalid')
  })

  it('is not cached for longer when it is used again and again', async () => {
    const domain = await withFirstUser()
    await domain.access.authenticate('token')
    await revoke(domain)
    const codes: string[] = []
    for (let asked = 0; asked < 3; asked += 1) {
      domain.environment.advance(400)
      codes.push(await codeOf(domain.access.authenticate('token')))
    }
    expect(codes).toEqual(['none', 'none', 'token-invalid'])
  })

  it('is not cached for longer when the clock is set back', async () => {
    const domain = await withFirstUser()
    await domain.access.authenticate('token')
    await revoke(domain)
    domain.environment.setClock(-60_000)
    domain.environment.advance(1_000)
    expect(await codeOf(domain.access.authenticate('token'))).toBe('token-invalid')
  })

  it('is not cached as invalid', async () => {
    const domain = await openTestDomain(new MemoryEngine())
    expect(await codeOf(domain.access.authenticate('token'))).toBe('token-invalid')
    await domain.users.createFirst('token')
    expect(await codeOf(domain.access.authenticate('token'))).toBe('none')
  })
})

describe('a cached principal', () => {
  const scope = { action: 'read', storeId: undefined, keyPrefix: undefined } as const

  /** A second user, whose token expires after half a second. */
  async function openRemembered() {
    const engine = new HurtEngine(new MemoryEngine())
    const domain = await openTestDomain(engine)
    const { access, users, tokens, environment } = domain
    await users.createFirst('token')
    const { id: userId } = await users.create('jane', { isAdmin: false })
    const expiresAt = environment.now() + 500
    const { text, token } = await tokens.create({ userId, name: '', expiresAt, scope })
    const come = async (): Promise<Principal> => access.authenticate(text)
    return { ...domain, hurt: engine, userId, tokenId: token.id, come }
  }

  it("has the token's id, scope and expiry", async () => {
    const { users, userId, tokenId, come, environment } = await openRemembered()
    const user = await users.get(userId)
    const expiresAt = environment.now() + 500
    const expected = { kind: 'user', user, tokenId, scope, expiresAt, isOperator: false }
    expect(await come()).toEqual(expected)
  })

  it('must still be an admin when a slow body has arrived', async () => {
    const { access, users, tokens } = await openTestDomain(new MemoryEngine())
    await users.create('boss', { isAdmin: true })
    const jane = await users.create('jane', { isAdmin: true })
    const wanted = { userId: jane.id, name: '', expiresAt: undefined, scope: fullScope }
    const { text, token } = await tokens.create(wanted)
    const principal = await access.authenticate(text)
    expect(await codeOf(access.assertUnchanged(principal))).toBe('none')
    await users.update(jane.id, { isAdmin: false })
    expect(await codeOf(access.assertUnchanged(principal))).toBe('account-denied')
    await tokens.revoke(token.id)
    expect(await codeOf(access.assertUnchanged(principal))).toBe('token-invalid')
  })

  it('is refused from the moment when the token expires', async () => {
    const { environment, come } = await openRemembered()
    await come()
    environment.advance(499)
    expect(await codeOf(come())).toBe('none')
    environment.advance(1)
    expect(await codeOf(come())).toBe('token-invalid')
  })

  it('is looked up again after `forget()`', async () => {
    const { access, tokens, users, userId, tokenId, come } = await openRemembered()
    await come()
    await users.update(userId, { generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    expect(await come()).toMatchObject({ user: { generalAccess: 'RESTRICTED' } })
    access.forget()
    expect(await come()).toMatchObject({ user: { generalAccess: 'ANYONE_WITH_ID_CAN_READ' } })
    await tokens.revoke(tokenId)
    access.forget()
    expect(await codeOf(come())).toBe('token-invalid')
  })

  it('is stale if `forget()` ran during its look-up', async () => {
    const { access, tokens, tokenId, hurt, come } = await openRemembered()
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    hurt.beforeAnswer = () => held
    const coming = come() // has read the token, but has not returned yet
    await tokens.revoke(tokenId)
    access.forget()
    letGo()
    expect(await codeOf(coming)).toBe('none')
    expect(await codeOf(come())).toBe('token-invalid')
  })

  it('has an age that counts from the start of its look-up', async () => {
    const hurt = new HurtEngine(new MemoryEngine())
    const { access, users, tokens, environment } = await openTestDomain(hurt)
    const { id: userId } = await users.create('jane', { isAdmin: false })
    const { text, token } = await tokens.create({ userId, name: '', expiresAt: undefined, scope })
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    hurt.beforeAnswer = () => held
    const coming = access.authenticate(text)
    await tokens.revoke(token.id) // as another server would, without telling this one
    environment.advance(limits.cachedTokenMs)
    letGo()
    expect(await coming).toMatchObject({ tokenId: token.id })
    expect(await codeOf(Promise.resolve(access.authenticate(text)))).toBe('token-invalid')
  })

  it('is returned synchronously', async () => {
    const { access } = await openRemembered()
    expect(access.authenticate('token')).toBeInstanceOf(Promise)
    const principal = await access.authenticate('token')
    expect(access.authenticate('token')).toBe(principal)
  })

  it('is one of a bounded number, those that were used last', async () => {
    const { access, engine } = await withFirstUser()
    const [{ value = Buffer.of() } = {}] = await entriesOf(engine, 'token')
    const come = async (text: string): Promise<void> => {
      await engine.commit({ puts: [{ key: tokenKey(digestOf(text)), value }] })
      await access.authenticate(text)
    }
    await access.authenticate('token')
    for (let n = 1; n < limits.cachedTokensMax; n += 1) await come(`token-${n}`)
    access.authenticate('token')
    await come('one more')
    const isKnown = (text: string): boolean => !(access.authenticate(text) instanceof Promise)
    expect(['token', 'token-1', 'token-2'].map(isKnown)).toEqual([true, false, true])
  })
})

describe('a principal that is checked again', () => {
  async function openAsked() {
    const domain = await withFirstUser()
    const principal = await domain.access.authenticate('token')
    if (principal.kind !== 'user') throw new Error('The token is a user.')
    const caller = domain.access.callerFor(principal, 'apify', { action: 'read' })
    return { ...domain, principal, caller }
  }

  it('is valid while the token is', async () => {
    const { access, tokens, principal, caller } = await openAsked()
    expect(await codeOf(access.assertValid(principal))).toBe('none')
    await tokens.revoke(principal.tokenId)
    expect(await codeOf(access.assertValid(principal))).toBe('token-invalid')
    expect(await codeOf(caller.assertValid())).toBe('token-invalid')
  })

  it('is valid while the user is not disabled', async () => {
    const { users, principal, caller } = await openAsked()
    await users.create('jane', { isAdmin: true })
    await users.update(principal.user.id, { isDisabled: true })
    expect(await codeOf(caller.assertValid())).toBe('token-invalid')
    await users.update(principal.user.id, { isDisabled: false })
    expect(await codeOf(caller.assertValid())).toBe('none')
  })

  it('is always valid for nobody and for the operator', async () => {
    const { access, tokens, principal } = await openAsked()
    await tokens.revoke(principal.tokenId)
    expect(await codeOf(access.assertValid({ kind: 'nobody' }))).toBe('none')
    expect(await codeOf(access.assertValid(operatorPrincipal(principal.user)))).toBe('none')
  })
})

it('requires a token from callers without one', () => {
  const principal = principalWith(userWith(owner))
  expect(requireUser(principal)).toBe(principal.user)
  const missing = expect.objectContaining({ code: 'token-missing' })
  expect(() => requireUser({ kind: 'nobody' })).toThrow(missing)
})

describe('what a principal may do', () => {
  const principals = {
    owner: principalWith(userWith(owner)),
    other: principalWith(userWith(otherOwner)),
    nobody: { kind: 'nobody' },
  } as const
  const denied = 'access-denied'
  const missing = 'token-missing'

  type Answers = Record<Action, ErrorCode | 'none'>
  const all: Answers = { read: 'none', write: 'none', manage: 'none' }
  const closed = {
    owner: all,
    other: { read: denied, write: denied, manage: denied },
    nobody: { read: denied, write: missing, manage: missing },
  } satisfies Record<keyof typeof principals, Answers>
  const open = {
    owner: all,
    other: { ...closed.other, read: 'none' },
    nobody: { ...closed.nobody, read: 'none' },
  } satisfies Record<keyof typeof principals, Answers>
  const table = {
    FOLLOW_USER_SETTING: { id: closed, name: closed },
    RESTRICTED: { id: closed, name: closed },
    ANYONE_WITH_ID_CAN_READ: { id: open, name: closed },
    ANYONE_WITH_NAME_CAN_READ: { id: open, name: open },
  } as const satisfies Record<
    GeneralAccess,
    Record<Address, Record<keyof typeof principals, Answers>>
  >
  const addressed = generalAccesses.flatMap((access) =>
    (['id', 'name'] as const).map((address) => ({ access, address })),
  )

  for (const { access, address } of addressed) {
    for (const who of ['owner', 'other', 'nobody'] as const) {
      for (const action of ['read', 'write', 'manage'] as const) {
        const code = table[access][address][who][action]
        it(`${who} may ${action} a store that is ${access}, by its ${address}: ${code}`, () => {
          const store = identityWith({ generalAccess: access })
          const use = { action, address }
          const work = (): void => authorize(principals[who], use, store, 'RESTRICTED')
          expect(refusalOf(work)).toBe(code)
          expect(isAllowed(principals[who], use, store, 'RESTRICTED')).toBe(code === 'none')
        })
      }
    }
  }

  it('is decided by the id unless the use says otherwise', () => {
    const store = identityWith({ generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    expect(isAllowed(principals.nobody, { action: 'read' }, store, 'RESTRICTED')).toBe(true)
    expect(
      refusalOf(() => authorize(principals.nobody, { action: 'read' }, store, 'RESTRICTED')),
    ).toBe('none')
  })
})
