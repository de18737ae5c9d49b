import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { allFaults, FaultyEngine } from '../engines/faulty.ts'
import { MemoryEngine } from '../engines/memory.ts'
import type { StorageEngine } from './engine.ts'
import { isId } from './ids.ts'
import { entriesOf, HurtEngine, openTestDomain, TestEnvironment } from './testing.ts'
import { createToken } from './token-text.ts'
import type { User, Users } from './users.ts'

async function openUsers(
  engine: StorageEngine = new MemoryEngine(),
): Promise<{ users: Users; findByToken: (token: string) => Promise<User | undefined> }> {
  const { users, tokens } = await openTestDomain(engine)
  return { users, findByToken: async (token) => (await tokens.findByText(token))?.user }
}

describe('the first user', () => {
  it('is who the token stands for', async () => {
    const { users, findByToken } = await openUsers()
    expect(await users.hasAny()).toBe(false)
    await users.createFirst('token')
    expect(await users.hasAny()).toBe(true)
    const user = await findByToken('token')
    expect(user?.username).toBe('owner')
    expect(isId(user?.id ?? '')).toBe(true)
  })

  it('is found by id and by name', async () => {
    const { users, findByToken } = await openUsers()
    await users.createFirst('token')
    const user = await findByToken('token')
    expect(await users.get(user?.id ?? '')).toEqual(user)
    expect(await users.getByUsername('owner')).toEqual(user)
  })

  it('is made once, however many servers start at once', async () => {
    const engine = new MemoryEngine()
    const environment = new TestEnvironment()
    const open = async (): Promise<Users> => (await openTestDomain(engine, { environment })).users
    const servers = await Promise.all(Array.from({ length: 10 }, open))
    await Promise.all(servers.map((users, server) => users.createFirst(`token ${server}`)))
    expect(await entriesOf(engine, 'user')).toHaveLength(1)
    expect(await entriesOf(engine, 'token')).toHaveLength(1)
  })

  it('is made on an engine that could not order the first tries', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const faults = { ...allFaults, conflict: 0.5, failBefore: 0, unknown: 0 }
      const { users, findByToken } = await openUsers(
        new FaultyEngine(new MemoryEngine(), { faults, seed }),
      )
      await users.createFirst('token')
      expect(await findByToken('token')).toBeDefined()
    }
  })
})

describe('users', () => {
  it('are nobody for a token that was never given out', async () => {
    const { users, findByToken } = await openUsers()
    await users.createFirst('token')
    for (const token of ['', 'toke', 'token ', 'TOKEN', '\0']) {
      expect(await findByToken(token), token).toBeUndefined()
    }
  })

  it('are not there under an unknown id or name', async () => {
    const { users } = await openUsers()
    expect(await users.get('nobody')).toBeUndefined()
    expect(await users.getByUsername('owner')).toBeUndefined()
  })

  it('are not there under a name that is longer than any', async () => {
    const { users } = await openUsers(new HurtEngine(new MemoryEngine()))
    await users.createFirst('token')
    for (const length of [5, 64, 100_000]) {
      expect(await users.getByUsername('x'.repeat(length))).toBeUndefined()
    }
  })

  it('keep no token that could be read again', async () => {
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
})

describe('a token', () => {
  it('has a prefix, 44 letters and digits, and a checksum of what is in front of it', () => {
    const token = createToken(new TestEnvironment())
    const [, text = '', checksum] = token.match(/^(coatcheck_[a-zA-Z0-9]{44})([0-9a-z]{7})$/) ?? []
    expect(checksum).toBe(crc32(text).toString(36).padStart(7, '0'))
  })

  it('is another one each time', () => {
    const environment = new TestEnvironment()
    const tokens = Array.from({ length: 1_000 }, () => createToken(environment))
    expect(new Set(tokens).size).toBe(tokens.length)
  })
})
