import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../engines/memory.ts'
import { type Address, authorize, isAllowed, requireUser } from './access.ts'
import { type ErrorCode, StorageError } from './errors.ts'
import type { GeneralAccess } from './identity.ts'
import { type Action, fullScope } from './scope.ts'
import {
  codeOf,
  entriesOf,
  identityWith,
  openTestDomain,
  otherOwner,
  owner,
  principalWith,
  type TestDomain,
  userWith,
} from './testing.ts'

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

describe('who is asking', () => {
  it('is the user that the token stands for', async () => {
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

  it("is refused with a token that is nobody's", async () => {
    const { access } = await withFirstUser()
    expect(await codeOf(access.authenticate('another'))).toBe('token-invalid')
  })

  it('is remembered for less than a second', async () => {
    const domain = await withFirstUser()
    await domain.access.authenticate('token')
    await revoke(domain)
    domain.environment.advance(999)
    expect(await codeOf(domain.access.authenticate('token'))).toBe('none')
    domain.environment.advance(1)
    expect(await codeOf(domain.access.authenticate('token'))).toBe('token-invalid')
  })

  it('is not remembered for longer because it asks again and again', async () => {
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

  it('is not remembered for longer because the clock was set back', async () => {
    const domain = await withFirstUser()
    await domain.access.authenticate('token')
    await revoke(domain)
    domain.environment.advance(-60_000)
    expect(await codeOf(domain.access.authenticate('token'))).toBe('token-invalid')
  })

  it('is not remembered as invalid', async () => {
    const domain = await openTestDomain(new MemoryEngine())
    expect(await codeOf(domain.access.authenticate('token'))).toBe('token-invalid')
    await domain.users.createFirst('token')
    expect(await codeOf(domain.access.authenticate('token'))).toBe('none')
  })
})

it('asks those for a token who have none and need one', () => {
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
          expect(refusal(work)).toBe(code)
          expect(isAllowed(principals[who], use, store, 'RESTRICTED')).toBe(code === 'none')
        })
      }
    }
  }

  it('goes by the id where nothing else is said', () => {
    const store = identityWith({ generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    expect(isAllowed(principals.nobody, { action: 'read' }, store, 'RESTRICTED')).toBe(true)
    expect(
      refusal(() => authorize(principals.nobody, { action: 'read' }, store, 'RESTRICTED')),
    ).toBe('none')
  })
})

function refusal(work: () => void): ErrorCode | 'none' {
  try {
    work()
    return 'none'
  } catch (error) {
    if (error instanceof StorageError) return error.code
    throw error
  }
}
