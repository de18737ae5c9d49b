import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { type Domain, openDomain } from '../domain.ts'
import { limits } from '../kernel/limits.ts'
import { codeOf, promised } from '../testing/outcomes.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { createOperatorSecret } from './operator.ts'
import type { Sender } from './principal.ts'

const environment = new TestEnvironment()
const secret = createOperatorSecret(environment)
const address = '192.0.2.1'
const near: Sender = { peer: '127.0.0.1', isForwarded: false }
const far: Sender = { peer: '192.0.2.9', isForwarded: false }

describe('the secret of a running server', () => {
  let domain: Domain

  beforeEach(async () => {
    const operator = { secret, address }
    domain = await openDomain(new MemoryEngine(), environment, { unnamedRetentionMs: 0, operator })
    await domain.users.createFirst('token')
  })

  it('has its own prefix, which scanners can find, and is different each time', () => {
    expect(secret).toMatch(/^coatcheck_local_[a-zA-Z0-9]{48}$/)
    expect(createOperatorSecret(environment)).not.toBe(secret)
  })

  it('authenticates as the first admin, who may do everything', async () => {
    const principal = await domain.access.authenticate(secret, near)
    expect(principal).toMatchObject({
      isOperator: true,
      tokenId: '',
      user: { username: 'owner' },
      scope: { action: 'manage', storeId: undefined, keyPrefix: undefined },
    })
  })

  it.each([
    ['loopback', '127.0.0.1'],
    ['another loopback address', '127.8.9.10'],
    ['loopback of IPv6', '::1'],
    ['loopback by IPv4 within IPv6', '::ffff:127.0.0.1'],
    ['the address that the server listens on', address],
    ['the address that the server listens on, within IPv6', `::ffff:${address}`],
  ])('is accepted from %s', async (_, peer) => {
    expect(await outcomeOf(secret, { peer, isForwarded: false })).toBe('none')
  })

  it.each([
    ['another address', far],
    [
      'an address that only begins like loopback',
      { peer: '127.0.0.1.example', isForwarded: false },
    ],
    ['an unknown address', { peer: '', isForwarded: false }],
    ['a proxy on this machine', { peer: '127.0.0.1', isForwarded: true }],
    ['a door that does not detect proxies', { peer: '127.0.0.1' }],
    ['a caller without an address', undefined],
  ])('is not accepted from %s', async (_, from) => {
    expect(await outcomeOf(secret, from)).toBe('token-invalid')
  })

  it.each(['coatcheck_local_', `${secret}x`, secret.slice(0, -1), secret.toLowerCase()])(
    'must be complete, unlike %s',
    async (text) => {
      expect(await outcomeOf(text, near)).toBe('token-invalid')
    },
  )

  it('authenticates as the oldest admin who is not disabled, in each request', async () => {
    const [owner] = await domain.users.list()
    environment.advance(1)
    await domain.users.create('user', { isAdmin: false })
    environment.advance(1)
    await domain.users.create('second', { isAdmin: true })
    expect(await usernameOf(secret)).toBe('owner')
    await domain.users.update(owner?.id ?? '', { isDisabled: true })
    expect(await usernameOf(secret)).toBe('second')
    await domain.users.update(owner?.id ?? '', { isDisabled: false })
    expect(await usernameOf(secret)).toBe('owner')
  })

  it('is accepted even after too many wrong tokens from this machine', async () => {
    for (let guess = 0; guess < limits.guessesMax; guess += 1) {
      expect(await outcomeOf(`coatcheck_local_${guess}`, near)).toBe('token-invalid')
    }
    expect(await outcomeOf('coatcheck_local_', near)).toBe('too-many-guesses')
    expect(await outcomeOf(secret, near)).toBe('none')
  })

  it('can be guessed no more often than tokens', async () => {
    for (let guess = 0; guess < limits.guessesMax; guess += 1) await outcomeOf(secret, far)
    expect(await outcomeOf(secret, far)).toBe('too-many-guesses')
  })

  it('is refused if there is no user yet', async () => {
    const operator = { secret, address }
    const options = { unnamedRetentionMs: 0, operator }
    domain = await openDomain(new MemoryEngine(), environment, options)
    expect(await outcomeOf(secret, near)).toBe('token-invalid')
  })

  async function usernameOf(text: string): Promise<string | undefined> {
    const principal = await domain.access.authenticate(text, near)
    return principal.kind === 'user' ? principal.user.username : undefined
  }

  function outcomeOf(text: string, from: Sender | undefined): Promise<string> {
    return codeOf(promised(() => domain.access.authenticate(text, from)))
  }
})

it('a server without a data folder has no secret', async () => {
  const domain = await openDomain(new MemoryEngine(), environment, { unnamedRetentionMs: 0 })
  await domain.users.createFirst('token')
  await expect(domain.access.authenticate(secret, near)).rejects.toMatchObject({
    code: 'token-invalid',
  })
})
