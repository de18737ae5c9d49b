import { describe, expect, it } from 'vitest'
import { allFaults, delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { userKey, usernameKey } from '../disk/keyspace.ts'
import { EngineError, type StorageEngine } from '../engine/engine.ts'
import { isId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { createToken } from './token-text.ts'
import type { User, UserChanges, Users } from './users.ts'

async function openUsers(
  engine: StorageEngine = new MemoryEngine(),
): Promise<{ users: Users; findByToken: (token: string) => Promise<User | undefined> }> {
  const { users, tokens } = await openTestDomain(engine)
  return { users, findByToken: async (token) => (await tokens.findByText(token))?.user }
}

const plain = { isAdmin: false }

describe('the first user', () => {
  it('is the user of the token', async () => {
    const { users, findByToken } = await openUsers()
    expect(await users.hasAny()).toBe(false)
    await users.createFirst('token')
    expect(await users.hasAny()).toBe(true)
    const user = await findByToken('token')
    expect(user?.username).toBe('owner')
    expect(user?.isAdmin).toBe(true)
    expect(isId(user?.id ?? '')).toBe(true)
  })

  it('is found by id and by name', async () => {
    const { users, findByToken } = await openUsers()
    await users.createFirst('token')
    const user = await findByToken('token')
    expect(await users.get(user?.id ?? '')).toEqual(user)
    expect(await users.getByUsername('owner')).toEqual(user)
  })

  it('is created once, however many servers start at once', async () => {
    const engine = new MemoryEngine()
    const environment = new TestEnvironment()
    const open = async (): Promise<Users> => (await openTestDomain(engine, { environment })).users
    const servers = await Promise.all(Array.from({ length: 10 }, open))
    const made = await Promise.all(
      servers.map((users, server) => users.createFirst(`token ${server}`)),
    )
    expect(made.filter(Boolean)).toHaveLength(1)
    const { tokens } = await openTestDomain(engine, { environment })
    expect(await tokens.findByText(`token ${made.indexOf(true)}`)).toBeDefined()
    expect(await entriesOf(engine, 'user')).toHaveLength(1)
    expect(await entriesOf(engine, 'token')).toHaveLength(1)
  })

  it('is created even if the engine reports conflicts at first', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const faults = { ...allFaults, conflict: 0.5, failBefore: 0, unknown: 0 }
      const { users, findByToken } = await openUsers(
        new FaultyEngine(new MemoryEngine(), { faults, seed }),
      )
      await users.createFirst('token')
      expect(await findByToken('token')).toBeDefined()
    }
  })

  it('is an admin, even if the entry of an older server does not say so', async () => {
    const engine = new MemoryEngine()
    const { users } = await openUsers(engine)
    const id = 'owner000000000001'
    const old = { id, username: 'owner', createdAt: 7 }
    await engine.commit({
      puts: [
        { key: userKey(id), value: Buffer.from(JSON.stringify(old)) },
        { key: usernameKey('owner'), value: Buffer.from(id) },
      ],
    })
    const user = { ...old, isAdmin: true, isDisabled: false, generalAccess: 'RESTRICTED' }
    expect(await users.find('owner')).toEqual(user)
    expect(await users.list()).toEqual([user])
    expect(await codeOf(users.update(id, { isAdmin: false }))).toBe('last-admin')
    await users.create('jane', { isAdmin: true })
    expect(await users.update(id, { isAdmin: false })).toEqual({ ...user, isAdmin: false })
    expect(await users.get(id)).toEqual({ ...user, isAdmin: false })
  })
})

describe('users', () => {
  it('are not found by a token that was never created', async () => {
    const { users, findByToken } = await openUsers()
    await users.createFirst('token')
    for (const token of ['', 'toke', 'token ', 'TOKEN', '\0']) {
      expect(await findByToken(token), token).toBeUndefined()
    }
  })

  it('are not found by an unknown id or name', async () => {
    const { users } = await openUsers()
    expect(await users.get('nobody')).toBeUndefined()
    expect(await users.getByUsername('owner')).toBeUndefined()
    for (const name of ['owner', '', 'x'.repeat(17), 'x'.repeat(100_000), '\ud800']) {
      expect(await codeOf(users.find(name))).toBe('user-not-found')
      expect(await codeOf(users.update(name, { isAdmin: true }))).toBe('user-not-found')
    }
  })

  it('are not found by a name that is longer than allowed', async () => {
    const { users } = await openUsers(new HurtEngine(new MemoryEngine()))
    await users.createFirst('token')
    for (const length of [5, 64, 100_000]) {
      expect(await users.getByUsername('x'.repeat(length))).toBeUndefined()
    }
  })

  it('have no stored token that could be read again', async () => {
    const engine = new MemoryEngine()
    const { users } = await openUsers(engine)
    const token = createToken(new TestEnvironment())
    await users.createFirst(token)
    for (const kind of ['token', 'user', 'username'] as const) {
      for (const { key, value } of await entriesOf(engine, kind)) {
        expect(Buffer.concat([key, value]).includes(token)).toBe(false)
      }
    }
  })

  it('are listed, the oldest first, and found by id and name', async () => {
    const { users, environment } = await openTestDomain(new MemoryEngine())
    const made: User[] = []
    for (const name of ['zoe', 'jane', 'Adam', 'jane.2', 'x_y-z', '0']) {
      made.push(await users.create(name, { isAdmin: name === 'zoe' }))
      environment.advance(1)
    }
    expect(await users.list()).toEqual(made)
    for (const user of made) {
      expect(await users.find(user.id)).toEqual(user)
      expect(await users.find(user.username)).toEqual(user)
      expect(await users.getByUsername(user.username.toUpperCase())).toEqual(user)
      const twin = users.create(user.username.toUpperCase(), { isAdmin: false })
      expect(await codeOf(twin)).toBe('username-taken')
    }
  })

  it('with damaged entries do not hide others', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { users } = await openUsers(engine)
    const damaged = await users.create('jane', { isAdmin: true })
    const sound = await users.create('joe', { isAdmin: true })
    engine.damage(userKey(damaged.id))
    expect(await codeOf(users.get(damaged.id))).toBe('record-damaged')
    expect(await users.list()).toEqual([sound])
    // Whether the damaged user is an admin is unknown.
    expect(await codeOf(users.update(sound.id, { isAdmin: false }))).toBe('last-admin')
    expect(await codeOf(users.create('jim', plain))).toBe('none')
  })
})

describe('a new user', () => {
  it('may not manage others, and keeps the stores private', async () => {
    const { users, environment } = await openTestDomain(new MemoryEngine())
    const user = await users.create('jane', plain)
    expect(user).toEqual({
      id: user.id,
      username: 'jane',
      createdAt: environment.now(),
      isAdmin: false,
      isDisabled: false,
      generalAccess: 'RESTRICTED',
    })
    expect(isId(user.id)).toBe(true)
  })

  it('keeps its form on disk', async () => {
    const { users, engine } = await openTestDomain(new MemoryEngine())
    const user = await users.create('jane', plain)
    const [entry, name] = await engine.get([Buffer.from(`u${user.id}`), Buffer.from('wjane')])
    expect(JSON.parse(Buffer.from(entry?.value ?? []).toString())).toStrictEqual(user)
    expect(Buffer.from(name?.value ?? []).toString()).toBe(user.id)
  })

  it.each([
    'a',
    'Z9',
    'jane.doe',
    'a-b_c.d',
    'x'.repeat(16),
    'x'.repeat(18),
    'x'.repeat(63),
    `${'x'.repeat(15)}-x`,
  ])('may be called %j', async (name) => {
    const { users } = await openUsers()
    expect(await codeOf(users.create(name, plain))).toBe('none')
  })

  it.each([
    '',
    ' ',
    '.a',
    'a.',
    '-a',
    'a_',
    'a b',
    'a/b',
    'a~b',
    'a@b',
    'jané',
    'ϳane',
    'jane\u0301',
    '🧥',
    'a\ud800a',
    'a\0a',
    'jane\n',
    'x'.repeat(64),
    'x'.repeat(100_000),
    'x'.repeat(17),
    'me',
  ])('may not be called %j', async (name) => {
    const engine = new HurtEngine(new MemoryEngine())
    const { users } = await openUsers(engine)
    expect(await codeOf(users.create(name, plain))).toBe('username-invalid')
    expect(await entriesOf(engine, 'user')).toEqual([])
  })

  it.each([1, 2, 3])('gets a name that 64 requests want at once only once (%i)', async (seed) => {
    const memory = new MemoryEngine()
    const engine = new FaultyEngine(memory, { faults: delaysOnly, seed })
    const environment = new TestEnvironment()
    const one = await openTestDomain(engine, { environment })
    const two = await openTestDomain(engine, { environment })
    const codes = await Promise.all(
      Array.from({ length: 64 }, (_, index) =>
        codeOf((index % 2 === 0 ? one : two).users.create('jane', plain)),
      ),
    )
    expect(codes.toSorted()).toEqual(['none', ...Array(63).fill('username-taken')])
    const [user, ...others] = await one.users.list()
    expect(others).toEqual([])
    expect(await two.users.find('jane')).toEqual(user)
  })

  it('is refused after ten thousand users', async () => {
    const engine = new MemoryEngine()
    const { users } = await openUsers(engine)
    const puts = Array.from({ length: limits.usersMax - 1 }, (_, index) => {
      const id = `user${String(index).padStart(13, '0')}`
      return { key: userKey(id), value: Buffer.from(JSON.stringify({ id, username: id })) }
    })
    await engine.commit({ puts })
    expect(await codeOf(users.create('last', plain))).toBe('none')
    expect(await codeOf(users.create('more', plain))).toBe('too-many')
  })
})

describe('a changed user', () => {
  it('keeps the settings that are left out', async () => {
    const { users } = await openUsers()
    await users.create('admin', { isAdmin: true })
    const user = await users.create('jane', plain)
    const steps: readonly UserChanges[] = [
      { isAdmin: true },
      { generalAccess: 'ANYONE_WITH_ID_CAN_READ' },
      { isDisabled: true },
      { isAdmin: false, isDisabled: false },
      {},
    ]
    let expected = user
    for (const changes of steps) {
      expected = { ...expected, ...changes }
      expect(await users.update(user.id, changes)).toEqual(expected)
      expect(await users.get(user.id)).toEqual(expected)
    }
  })

  it.each([1, 2, 3])('keeps all of many changes at once (%i)', async (seed) => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed })
    const { users } = await openUsers(engine)
    await users.create('admin', { isAdmin: true })
    const { id } = await users.create('jane', plain)
    const changes: readonly UserChanges[] = [
      { isAdmin: true },
      { isDisabled: true },
      { generalAccess: 'ANYONE_WITH_ID_CAN_READ' },
    ]
    await Promise.all(changes.map((one) => users.update(id, one)))
    expect(await users.get(id)).toMatchObject(Object.assign({}, ...changes))
  })

  it('is reported as busy if the storage always conflicts', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { users } = await openUsers(engine)
    const { id } = await users.create('jane', { isAdmin: true })
    engine.commitFailure = new EngineError('conflict', 'Injected.')
    expect(await codeOf(users.update(id, { isAdmin: true }))).toBe('store-busy')
  })
})

describe('the last admin', () => {
  it('stays an enabled admin until there is another one', async () => {
    const { users } = await openUsers()
    const { id } = await users.create('jane', { isAdmin: true })
    const joe = await users.create('joe', plain)
    const endings: readonly UserChanges[] = [{ isAdmin: false }, { isDisabled: true }]
    for (const changes of endings) {
      expect(await codeOf(users.update(id, changes))).toBe('last-admin')
    }
    await users.update(joe.id, { isAdmin: true, isDisabled: true })
    for (const changes of endings) {
      expect(await codeOf(users.update(id, changes))).toBe('last-admin')
    }
    expect(await users.get(id)).toMatchObject({ isAdmin: true, isDisabled: false })
    await users.update(joe.id, { isDisabled: false })
    expect(await codeOf(users.update(id, { isDisabled: true }))).toBe('none')
    expect(await codeOf(users.update(joe.id, { isAdmin: false }))).toBe('last-admin')
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'remains if all admins remove each other at once (%i)',
    async (seed) => {
      const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed })
      const environment = new TestEnvironment()
      const one = await openTestDomain(engine, { environment })
      const two = await openTestDomain(engine, { environment })
      const names = ['a', 'b', 'c', 'd', 'e']
      const admins = await Promise.all(
        names.map((name) => one.users.create(name, { isAdmin: true })),
      )
      const codes = await Promise.all(
        admins.map(({ id }, index) => {
          const { users } = index % 2 === 0 ? one : two
          return codeOf(users.update(id, index < 3 ? { isAdmin: false } : { isDisabled: true }))
        }),
      )
      expect(codes.toSorted()).toEqual(['last-admin', 'none', 'none', 'none', 'none'])
      const left = (await one.users.list()).filter((user) => user.isAdmin && !user.isDisabled)
      expect(left).toHaveLength(1)
    },
  )
})
