import { describe, expect, it } from 'vitest'
import { allFaults, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { encodeNumber, tokenKey, tokenUseKey } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { day, minute, second } from '../testing/times.ts'
import { fullScope, type Scope } from './scope.ts'
import { digestOf, isWellMadeToken } from './token-text.ts'
import type { NewToken } from './tokens.ts'
import type { User } from './users.ts'

interface Opened extends TestDomain {
  readonly user: User
  /** The settings for a token of that user. */
  readonly plain: NewToken
}

async function openTokens(engine: StorageEngine = new MemoryEngine()): Promise<Opened> {
  const domain = await openTestDomain(engine)
  await domain.users.create('admin', { isAdmin: true })
  const user = await domain.users.create('jane', { isAdmin: false })
  const plain = { userId: user.id, name: 'laptop', expiresAt: undefined, scope: fullScope }
  return { ...domain, user, plain }
}

const everything = { start: Buffer.of(0), end: Buffer.of(0xff) }

describe('a new token', () => {
  it('identifies its user, and has its scope', async () => {
    const { tokens, environment, user, plain } = await openTokens()
    const scope = { action: 'write', storeId: 'store000000000001', keyPrefix: 'a/' } as const
    const expiresAt = environment.now() + day
    const { text, token } = await tokens.create({ ...plain, scope, expiresAt })
    expect(isWellMadeToken(text)).toBe(true)
    expect(token).toEqual({
      id: digestOf(text).toString('hex').slice(0, 16),
      userId: user.id,
      name: 'laptop',
      createdAt: environment.now(),
      expiresAt,
      scope,
    })
    expect(await tokens.findByText(text)).toEqual({ token, user })
    expect(await tokens.findValid(token.id)).toEqual({ token, user })
    expect(await tokens.get(token.id)).toEqual({ ...token, lastUsedAt: undefined })
  })

  it('keeps its form on disk', async () => {
    const { tokens, engine, user, environment, plain } = await openTokens()
    const scope = { action: 'read', storeId: 'store000000000001', keyPrefix: 'a/' } as const
    const now = environment.now()
    const first = await tokens.create({ ...plain, scope, expiresAt: now + 1 })
    const second = await tokens.create(plain)
    await tokens.noteUse(second.token.id)
    const texts = [first, second].map(async ({ text }) => {
      const [entry] = await engine.get([Buffer.concat([Buffer.from('t'), digestOf(text)])])
      return JSON.parse(Buffer.from(entry?.value ?? []).toString())
    })
    const common = { userId: user.id, name: 'laptop', createdAt: now }
    expect(await Promise.all(texts)).toStrictEqual([
      { ...common, expiresAt: now + 1, scope },
      { ...common, scope: { action: 'manage' } },
    ])
    const [use] = await engine.get([Buffer.concat([Buffer.from('m'), digestOf(second.text)])])
    expect(Buffer.from(use?.value ?? [])).toEqual(encodeNumber(now))
  })

  it('is stored nowhere, nor is any part of its secret', async () => {
    const engine = new MemoryEngine()
    const { tokens, access, plain } = await openTokens(engine)
    const { text, token } = await tokens.create(plain)
    await access.authenticate(text)
    await tokens.create({ ...plain, name: 'other' })
    await tokens.revoke(token.id)
    const stored = (await Array.fromAsync(walk(engine, everything))).map(({ key, value }) =>
      Buffer.concat([key, value]).toString('latin1'),
    )
    const secret = text.slice('coatcheck_'.length)
    const parts = Array.from({ length: secret.length - 7 }, (_, at) => secret.slice(at, at + 8))
    expect(stored.length).toBeGreaterThan(8)
    expect(stored.filter((entry) => parts.some((part) => entry.includes(part)))).toEqual([])
  })

  it('is not found by a text that is not exactly the same', async () => {
    const { tokens, plain } = await openTokens()
    const { text, token } = await tokens.create(plain)
    for (const other of ['', text.slice(1), `${text} `, text.toUpperCase(), token.id, '\0']) {
      expect(await tokens.findByText(other), other).toBeUndefined()
    }
  })

  it('is created even if the engine reports conflicts at first', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const faults = { ...allFaults, conflict: 0.5, failBefore: 0, unknown: 0 }
      const { tokens, plain } = await openTokens(
        new FaultyEngine(new MemoryEngine(), { faults, seed }),
      )
      const { text } = await tokens.create(plain)
      expect(await tokens.findByText(text)).toBeDefined()
    }
  })
})

describe('a token that expires', () => {
  it('is invalid from that moment on, but is still listed', async () => {
    const { tokens, environment, user, plain } = await openTokens()
    const expiresAt = environment.now() + minute
    const { text, token } = await tokens.create({ ...plain, expiresAt })
    environment.advance(minute - 1)
    expect(await tokens.findByText(text)).toBeDefined()
    environment.advance(1)
    expect(await tokens.findByText(text)).toBeUndefined()
    expect(await tokens.findValid(token.id)).toBeUndefined()
    expect(await tokens.list(user.id)).toEqual([{ ...token, lastUsedAt: undefined }])
  })

  it('must expire within a hundred years', async () => {
    const { tokens, environment, plain } = await openTokens()
    const now = environment.now()
    const last = now + 36_500 * day
    const times = [now + 1, last, now, last + 1, 0, -1, Number.NaN, Number.POSITIVE_INFINITY]
    const made = times.map((expiresAt) => codeOf(tokens.create({ ...plain, expiresAt })))
    const invalid = Array(6).fill('token-settings-invalid')
    expect(await Promise.all(made)).toEqual(['none', 'none', ...invalid])
  })
})

describe('the tokens of a disabled user', () => {
  it('are invalid until the user is enabled again', async () => {
    const { tokens, users, user, plain } = await openTokens()
    const { text, token } = await tokens.create(plain)
    await users.update(user.id, { isDisabled: true })
    expect(await tokens.findByText(text)).toBeUndefined()
    expect(await tokens.findValid(token.id)).toBeUndefined()
    expect(await tokens.list(user.id)).toHaveLength(1)
    await users.update(user.id, { isDisabled: false })
    expect(await tokens.findByText(text)).toMatchObject({ user })
  })
})

describe('a token of the first servers, which stored only its user and creation time', () => {
  it('has the full scope and no name, and never expires', async () => {
    const { tokens, engine, user, environment } = await openTokens()
    const grant = { userId: user.id, createdAt: 5 }
    const key = tokenKey(digestOf('old token'))
    await engine.commit({ puts: [{ key, value: Buffer.from(JSON.stringify(grant)) }] })
    environment.advance(1_000 * day)
    const token = {
      id: digestOf('old token').toString('hex').slice(0, 16),
      ...grant,
      name: '',
      expiresAt: undefined,
      scope: fullScope,
    }
    expect(await tokens.findByText('old token')).toEqual({ token, user })
    expect(await tokens.list(user.id)).toEqual([{ ...token, lastUsedAt: undefined }])
    await tokens.revoke(token.id)
    expect(await tokens.findByText('old token')).toBeUndefined()
  })
})

describe('a revoked token', () => {
  it('is gone, with its last use, and the others stay', async () => {
    const { tokens, engine, user, plain } = await openTokens()
    const first = await tokens.create(plain)
    const second = await tokens.create(plain)
    for (const { token } of [first, second]) await tokens.noteUse(token.id)
    await tokens.revoke(first.token.id)
    expect(await tokens.findByText(first.text)).toBeUndefined()
    expect(await codeOf(tokens.get(first.token.id))).toBe('token-not-found')
    expect(await codeOf(tokens.revoke(first.token.id))).toBe('token-not-found')
    expect((await tokens.list(user.id)).map(({ id }) => id)).toEqual([second.token.id])
    const uses = await entriesOf(engine, 'tokenUse')
    expect(uses.map(({ key }) => Buffer.from(key))).toEqual([tokenUseKey(digestOf(second.text))])
  })

  it('is revoked only once, however many callers revoke it', async () => {
    const { tokens, plain } = await openTokens()
    const { token } = await tokens.create(plain)
    const codes = await Promise.all(
      Array.from({ length: 16 }, () => codeOf(tokens.revoke(token.id))),
    )
    expect(codes.toSorted()).toEqual(['none', ...Array(15).fill('token-not-found')])
  })

  it.each(['', 'x', '00ff', '00FF00FF00FF00FF', '../../../../../..', '0'.repeat(16)])(
    'is not found under %j',
    async (id) => {
      const { tokens, plain } = await openTokens()
      await tokens.create(plain)
      expect(await codeOf(tokens.get(id))).toBe('token-not-found')
      expect(await codeOf(tokens.revoke(id))).toBe('token-not-found')
      expect(await tokens.findValid(id)).toBeUndefined()
    },
  )

  it('has no use stored any more', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { tokens, plain } = await openTokens(engine)
    const { token } = await tokens.create(plain)
    engine.beforeCommit = () => tokens.revoke(token.id)
    await tokens.noteUse(token.id)
    await tokens.noteUse(token.id)
    expect(await entriesOf(engine, 'tokenUse')).toEqual([])
  })
})

describe('the tokens of a user', () => {
  it('are listed, the oldest first, without those of other users', async () => {
    const { tokens, users, environment, user, plain } = await openTokens()
    const other = await users.find('admin')
    for (let made = 0; made < 20; made += 1) {
      await tokens.create({ ...plain, name: `${made}` })
      await tokens.create({ ...plain, userId: other.id, name: 'other' })
      environment.advance(1)
    }
    const names = (await tokens.list(user.id)).map(({ name }) => name)
    expect(names).toEqual(Array.from({ length: 20 }, (_, made) => `${made}`))
    expect(await tokens.list('x'.repeat(17))).toEqual([])
  })

  it('have the time of their last use', async () => {
    const { tokens, environment, plain } = await openTokens()
    const { token } = await tokens.create(plain)
    environment.advance(day)
    await tokens.noteUse(token.id)
    const lastUsedAt = environment.now()
    expect(await tokens.get(token.id)).toEqual({ ...token, lastUsedAt })
    environment.advance(day)
    expect(await tokens.list(token.userId)).toEqual([{ ...token, lastUsedAt }])
  })

  it('are at most a thousand, until one is revoked', async () => {
    const { tokens, engine, users, user, plain } = await openTokens()
    for (let made = 1; made < limits.tokensPerUserMax; made += 1) {
      const key = tokenKey(digestOf(`${made}`))
      const value = Buffer.from(JSON.stringify({ userId: user.id, createdAt: made }))
      await engine.commit({ puts: [{ key, value }] })
    }
    const { token } = await tokens.create(plain)
    expect(await codeOf(tokens.create(plain))).toBe('too-many')
    const other = await users.find('admin')
    expect(await codeOf(tokens.create({ ...plain, userId: other.id }))).toBe('none')
    await tokens.revoke(token.id)
    expect(await codeOf(tokens.create(plain))).toBe('none')
  })
})

describe('a token cannot be created', () => {
  const storeId = 'store000000000001'
  const scopes: Readonly<Record<string, Partial<Scope>>> = {
    'for a store that is given by its name': { storeId: 'coats' },
    'for a store with an empty id': { storeId: '' },
    'for a key prefix without a store': { action: 'read', keyPrefix: 'a/' },
    'for managing a key prefix': { action: 'manage', storeId, keyPrefix: 'a/' },
    'for a key prefix that is empty': { action: 'read', storeId, keyPrefix: '' },
    'for a key prefix that is not well-formed text': {
      action: 'read',
      storeId,
      keyPrefix: 'a\ud800',
    },
    'for a key prefix that is longer than any key': {
      action: 'read',
      storeId,
      keyPrefix: `${'é'.repeat(1_200)}a`,
    },
  }

  it.each(Object.entries(scopes))('%s', async (_, scope) => {
    const { tokens, engine, plain } = await openTokens()
    const wanted = { ...plain, scope: { ...fullScope, ...scope } }
    expect(await codeOf(tokens.create(wanted))).toBe('token-settings-invalid')
    expect(await entriesOf(engine, 'token')).toEqual([])
  })

  it.each([
    ['that is too long', 'x'.repeat(101)],
    ['that is not well-formed text', 'laptop \ud83e'],
  ])('with a name %s', async (_, name) => {
    const { tokens, plain } = await openTokens()
    expect(await codeOf(tokens.create({ ...plain, name }))).toBe('token-settings-invalid')
  })

  it('unless it obeys each of these rules, even at its limit', async () => {
    const { tokens, plain } = await openTokens()
    const names = ['', 'x'.repeat(100), 'Läptop 🧥']
    for (const name of names) expect(await codeOf(tokens.create({ ...plain, name }))).toBe('none')
    const keyPrefixes = [undefined, 'a', '🧥', 'é'.repeat(1_200)]
    for (const keyPrefix of keyPrefixes) {
      for (const action of ['read', 'write'] as const) {
        const wanted = { ...plain, scope: { action, storeId, keyPrefix } }
        expect(await codeOf(tokens.create(wanted))).toBe('none')
      }
    }
  })
})

describe('a damaged entry', () => {
  it('of a token is reported as damaged, and hides no other token', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { tokens, user, plain } = await openTokens(engine)
    const damaged = await tokens.create(plain)
    const sound = await tokens.create(plain)
    engine.damage(tokenKey(digestOf(damaged.text)))
    expect(await codeOf(tokens.findByText(damaged.text))).toBe('record-damaged')
    expect(await codeOf(tokens.get(damaged.token.id))).toBe('record-damaged')
    expect((await tokens.list(user.id)).map(({ id }) => id)).toEqual([sound.token.id])
    expect(await codeOf(tokens.create(plain))).toBe('none')
  })

  it('of a last use counts as no use', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { tokens, plain } = await openTokens(engine)
    const { text, token } = await tokens.create(plain)
    await tokens.noteUse(token.id)
    engine.damage(tokenUseKey(digestOf(text)))
    expect(await tokens.get(token.id)).toMatchObject({ lastUsedAt: undefined })
  })
})

describe('a token in use', () => {
  it('has its last use stored at most once a minute', async () => {
    const { access, tokens, environment, plain } = await openTokens()
    const { text, token } = await tokens.create(plain)
    const used: (number | undefined)[] = []
    const begun = environment.now()
    for (let passed = 0; passed < 150; passed += 1) {
      await access.authenticate(text)
      await new Promise(setImmediate)
      used.push((await tokens.get(token.id)).lastUsedAt)
      environment.advance(second)
    }
    expect(new Set(used)).toEqual(new Set([begun, begun + minute, begun + 2 * minute]))
  })

  it('has its last use stored by every server that it is used on', async () => {
    const engine = new MemoryEngine()
    const environment = new TestEnvironment()
    const one = await openTestDomain(engine, { environment })
    const two = await openTestDomain(engine, { environment })
    await one.users.createFirst('token')
    const [listed] = await one.tokens.list((await one.users.find('owner')).id)
    await one.access.authenticate('token')
    environment.advance(30 * second)
    await two.access.authenticate('token')
    await new Promise(setImmediate)
    const [use] = await entriesOf(engine, 'tokenUse')
    expect(Buffer.from(use?.value ?? [])).toEqual(encodeNumber(environment.now()))
    expect(listed).toMatchObject({ name: 'first token', lastUsedAt: undefined })
  })
})
